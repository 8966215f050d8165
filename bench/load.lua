-- Load for wrk: one chat call, over and over, with the headers OpenAI's Python SDK sends. Argument: the file with the body.
function init(args)
  local file = assert(io.open(args[1], "rb"))
  wrk.method = "POST"
  wrk.body = file:read("*a")
  file:close()
  wrk.headers["Accept"] = "application/json"
  wrk.headers["Accept-Encoding"] = "gzip, deflate"
  wrk.headers["Authorization"] = "Bearer sk-bench-caller-000000000000000000000000"
  wrk.headers["Content-Type"] = "application/json"
  wrk.headers["User-Agent"] = "OpenAI/Python 1.99.0"
  wrk.headers["X-Stainless-Arch"] = "x64"
  wrk.headers["X-Stainless-Async"] = "false"
  wrk.headers["X-Stainless-Lang"] = "python"
  wrk.headers["X-Stainless-OS"] = "Linux"
  wrk.headers["X-Stainless-Package-Version"] = "1.99.0"
  wrk.headers["X-Stainless-Raw-Response"] = "true"
  wrk.headers["X-Stainless-Read-Timeout"] = "600"
  wrk.headers["X-Stainless-Retry-Count"] = "0"
  wrk.headers["X-Stainless-Runtime"] = "CPython"
  wrk.headers["X-Stainless-Runtime-Version"] = "3.12.4"
end

function done(summary, latency)
  local e = summary.errors
  print(string.format(
    'FIGURES {"requests":%d,"microseconds":%d,"p50":%d,"p99":%d,"not_2xx":%d,"connect":%d,"read":%d,"write":%d,"timeout":%d}',
    summary.requests, summary.duration, latency:percentile(50), latency:percentile(99),
    e.status, e.connect, e.read, e.write, e.timeout))
end
