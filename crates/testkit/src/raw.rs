//! Byte-exact cases, one file each: which bytes go in, what must come out. Each fixed bug becomes such a file.
//!
//! ```text
//! # Content-Length and Transfer-Encoding together: two readers would disagree about where the request ends.
//! # RFC 9112 section 6.1. T-1.
//!
//! > POST /v1/files?id={id} HTTP/1.1\r\n
//! > Host: {host}\r\n
//! > Content-Length: 5\r\n
//! > Transfer-Encoding: chunked\r\n
//! > \r\n
//! > 0\r\n\r\n
//!
//! status: 400
//! connection: closed
//! json-error: *
//! never-upstream: canary-{id}
//! ```
//!
//! Lines that begin with `#` say what and why. Lines that begin with `> ` are what the caller sends and lines that
//! begin with `< ` what the vendor answers, joined without anything between them: a line end must be written. In them
//! `\r \n \t \0 \\ \xHH` are bytes, and braces are only special as
//!
//! | written | is |
//! |---|---|
//! | `{id}` | 16 characters, new for each run: the ledger is searched for them, so they must stand in every request that may reach the vendor |
//! | `{host}` | the gateway's address and port |
//! | `{key}` | a caller's key, `raw::CALLER_KEY` |
//! | `{repeat:N:text}` | `text` N times (no braces in it) |
//! | `{pad-to:N:x}` | as many `x` as make the whole block N bytes long (once a block) |
//!
//! All other lines are `name: value`:
//!
//! | line | meaning |
//! |---|---|
//! | `status: 400\|431` | status of the answer. `200 then 400`: of the first, the second. `none`: closed without an answer. `cut`: an answer whose body visibly ends too early |
//! | `answers: N` or `N-M` | how many answers come; else as many as `status` names. Between N and M the gateway may close |
//! | `connection: closed` or `open` | closed without a further byte; or a further request on it is answered. Else any |
//! | `json-error: code` or `*` | every answer of 400 and more is an OpenAI-shaped error, with this code |
//! | `interim: 100` or `none` | the first answer is, is not preceded by this 1xx |
//! | `upstream: nothing`, `any`, `requests N` or `N-M` | what the vendor got. Default: nothing when all statuses are 400 and more, else any |
//! | `upstream-body: text` | each request's body there |
//! | `upstream-has-header: name: value` | each request there has this header once, with this value |
//! | `upstream-lacks-header: name` | no request there has it |
//! | `never-upstream: text`, `never-caller: text` | a canary: occurs in nothing the vendor, the caller got |
//! | `vendor-then: open`, `close` or `reset` | what the vendor does after its `< ` bytes (default open) |
//! | `vendor-connection: not-reused` | the vendor's connection carries no further request |
//! | `close-write` | the caller sends FIN after its bytes |
//! | `body-after: 100` | the caller sends its head, waits for 100, then sends the rest; never in pieces |
//! | `splits: off` | do not run it again in pieces |
//!
//! A case runs whole, then cut at every byte (up to 600 bytes; longer ones at about 48 places), then byte by byte,
//! each time on a fresh connection. In a case with `< ` lines it is the vendor's answer which is cut, and without
//! `> ` lines the caller sends a good `GET /v1/files`.

mod case;
mod judge;
mod run;
mod stage;
mod text;

pub use case::{Case, load};
pub use run::run;
pub use stage::Stage;
pub use text::CALLER_KEY;
