//! `server`: doors, limits and time-outs towards callers.

use std::net::SocketAddr;
use std::time::Duration;

use crate::address::{base_url, door, network};
use crate::problem::{Wrong, wrong};
use crate::reader::table::Shape::{Address, Choice, List, Or, Section, Switch, Text, Value, Whole};
use crate::reader::table::{Form, Table, later, now};
use crate::reader::{At, DURATION, Findings, SIZE, Section as Settings, Written, duration, size};
use crate::snapshot::{Door, Limits, Network, ServerTimeouts, TlsFiles};

/// The server.
pub(crate) const SERVER: Table = Table {
    noun: "the server",
    rows: &[
        now("listen", List(&Text), "Doors: host:port, [::1]:port, a port alone, unix:/path.")
            .usual("127.0.0.1:2020"),
        now("admin_listen", Text, "Where administration is served: `same`, or an address."),
        now("workers", Or(&["auto"], &Whole(1)), "Threads; `auto` is one a core.").usual("auto"),
        now("shared_workers", Switch, "Threads share doors and connections.").usual("off"),
        now("public_url", Address, "The address programs use from outside."),
        now("allowed_hosts", List(&Text), "Host names we answer to: `auto`, `*` or a list.").usual("auto"),
        now("cors", Section(&CORS), "Web pages that may call."),
        now("trusted_proxies", List(&Text), "Networks whose X-Forwarded-For is believed."),
        now("limits", Section(&LIMITS), "The most a caller may send."),
        now("timeouts", Section(&TIMEOUTS), "How long to wait for callers."),
        now(
            "heartbeat",
            Or(&["off"], &Value(&DURATION)),
            "How often the caller of a silent stream hears something.",
        )
        .usual("15s"),
        now("responses_websocket", Switch, "Whether /v1/responses is a WebSocket, too.").usual("on"),
        now("tls", Section(&TLS), "Encryption at the doors."),
        now(
            "ollama_listen",
            Or(&["off"], &Value(&DOOR)),
            "A door for programs that know only Ollama's address: its paths and no others.",
        ),
        now(
            "manage_models",
            Switch,
            "Whether paths that change which models a server has are served at the doors, to who may administer.",
        ),
    ],
};

const CORS: Table = Table {
    noun: "cors",
    rows: &[now("allow_origins", List(&Text), "Web pages that may call, besides those of this computer.")],
};

const LIMITS: Table = Table {
    noun: "the server's limits",
    rows: &[
        now("headers", Value(&SIZE), "A request's head.").usual("32KiB"),
        now("body", Value(&SIZE), "A body that is read before routing.").usual("64MiB"),
        now("upload", Value(&SIZE), "A body that flows through.").usual("1GiB"),
        now("connections", Whole(1), "Open connections.").usual("10000"),
        later("streams", Whole(1), "Streams at once."),
    ],
};

const TIMEOUTS: Table = Table {
    noun: "the server's time-outs",
    rows: &[
        now("headers", Value(&DURATION), "A head from its first byte to its last.").usual("10s"),
        now("idle", Value(&DURATION), "A kept connection without a request.").usual("90s"),
        now("body_gap", Value(&DURATION), "A request body's next bytes.").usual("30s"),
        now("drain", Value(&DURATION), "How long running calls may finish after a stop.").usual("10m"),
    ],
};

const TLS: Table = Table {
    noun: "tls",
    rows: &[
        now("mode", Choice(&["off", "files", "local-ca", "acme"]), "`files` is in use.").usual("off"),
        now("cert", Text, "The certificates, PEM."),
        now("key", Text, "The file of the key, PEM."),
        now("client_ca", Text, "Whose certificates callers must have; refused while not in use."),
        later("acme", Section(&ACME), "Certificates made by themselves."),
    ],
};

const ACME: Table = Table {
    noun: "acme",
    rows: &[
        later("email", Text, "Who is told when something is wrong."),
        later("directory", Text, "Who makes them."),
        later("domains", List(&Text), "What they are for."),
        later("challenge", Choice(&["tls-alpn-01", "http-01"]), "How we show that the name is ours."),
    ],
};

const DOOR: Form = Form { read: |text| door(text).map(drop), pattern: "^.+$" };

/// `server`, as written.
pub(crate) struct Listener {
    /// Empty: not written.
    pub(crate) listen: Vec<Written<Door>>,
    /// Not written; `same`; an address.
    pub(crate) admin_listen: Option<Written<Option<SocketAddr>>>,
    pub(crate) workers: Option<usize>,
    pub(crate) shared_workers: bool,
    /// The host of `public_url`.
    pub(crate) public_host: Option<String>,
    /// Not written or `auto`; or a list.
    pub(crate) allowed_hosts: Option<Vec<String>>,
    pub(crate) allow_origins: Vec<String>,
    pub(crate) trusted_proxies: Vec<Network>,
    pub(crate) limits: Limits,
    pub(crate) timeouts: ServerTimeouts,
    /// `None`: off.
    pub(crate) native_listen: Option<Written<Door>>,
    pub(crate) manage_models: bool,
    /// `None`: off.
    pub(crate) heartbeat: Option<Duration>,
    pub(crate) responses_websocket: bool,
    pub(crate) tls: Option<TlsFiles>,
}

/// Reads the section; without one, everything has its default.
pub(crate) fn read(section: Option<&Settings<'_>>, findings: &Findings) -> Listener {
    let nothing = crate::tree::Node::empty(crate::problem::Place::outside("built in"));
    let absent = Settings::open(At::new(&nothing, "server".into(), findings), &SERVER);
    let Some(section) = section else { return read_section(&absent) };
    read_section(section)
}

fn read_section(section: &Settings<'_>) -> Listener {
    Listener {
        listen: section.get("listen").map(doors).unwrap_or_default(),
        admin_listen: section.written("admin_listen", admin),
        workers: section.get("workers").and_then(workers),
        shared_workers: section.or("shared_workers", |at| at.switch(), false),
        public_host: section.written("public_url", base_url).map(|url| url.value.host),
        allowed_hosts: section.get("allowed_hosts").and_then(hosts),
        allow_origins: origins(section.section("cors", &CORS)),
        trusted_proxies: section.get("trusted_proxies").map(|at| at.each(network)).unwrap_or_default(),
        limits: limits(section.section("limits", &LIMITS)),
        timeouts: timeouts(section.section("timeouts", &TIMEOUTS)),
        native_listen: native(section),
        manage_models: section.or("manage_models", |at| at.switch(), false),
        heartbeat: section.or("heartbeat", |at| at.parse(heartbeat), Some(Duration::from_secs(15))),
        responses_websocket: section.or("responses_websocket", |at| at.switch(), true),
        tls: section.section("tls", &TLS).and_then(tls),
    }
}

fn doors(at: At<'_>) -> Vec<Written<Door>> {
    let doors: Vec<_> = at
        .list()
        .iter()
        .filter(|item| !item.node.is_null())
        .filter_map(|item| item.parse(door).map(|door| item.written(door)))
        .collect();
    if doors.is_empty() && at.list().is_empty() {
        at.wrong_as("names no address.", "Write one, like 127.0.0.1:2020, or remove the setting.");
    }
    doors
}

fn admin(text: &str) -> Result<Option<SocketAddr>, Wrong> {
    if text == "same" {
        return Ok(None);
    }
    let fix = "Write `same` or an address like 127.0.0.1:2021.";
    match door(text).or_else(|against| wrong(against.what, fix))? {
        Door::Tcp(address) => Ok(Some(address)),
        Door::Unix(_) => wrong("cannot be a socket file.", fix),
    }
}

/// `off` is none at all.
fn native(section: &Settings<'_>) -> Option<Written<Door>> {
    let fix = "Write off, or an address like 127.0.0.1:11434.";
    let address = |text: &str| match text.to_ascii_lowercase().as_str() {
        "off" | "no" | "false" => Ok(None),
        _ => match door(text).or_else(|against| wrong(against.what, fix))? {
            Door::Unix(_) => wrong("cannot be a socket file.", fix),
            tcp @ Door::Tcp(_) => Ok(Some(tcp)),
        },
    };
    let at = section.get("ollama_listen")?;
    let door = at.parse(address)??;
    Some(at.written(door))
}

fn workers(at: At<'_>) -> Option<usize> {
    if at.node.scalar().is_some_and(|scalar| scalar.text == "auto") {
        return None;
    }
    at.number(1).and_then(|number| match usize::try_from(number) {
        Ok(workers) if workers <= 1024 => Some(workers),
        _ => {
            at.wrong_as(format!("is {number}; 1024 are the most."), "Write `auto` for one a core.");
            None
        }
    })
}

fn hosts(at: At<'_>) -> Option<Vec<String>> {
    if at.node.scalar().is_some_and(|scalar| scalar.text == "auto") {
        return None;
    }
    let hosts = at.each(|text| match text {
        "" => wrong("is empty.", "Write host names, or `*` for any."),
        host if host.contains('/') => {
            wrong(format!("is `{host}`, which is not a host name."), "Leave out the scheme and path.")
        }
        host => Ok(host.trim_matches(['[', ']']).to_ascii_lowercase()),
    });
    // `*` among them: any host, which the snapshot says with an empty list.
    Some(if hosts.iter().any(|host| host == "*") { Vec::new() } else { hosts })
}

fn origins(section: Option<Settings<'_>>) -> Vec<String> {
    let Some(section) = section else { return Vec::new() };
    let origin = |text: &str| match text {
        "*" | "null" => Ok(text.to_owned()),
        _ if text.contains("://") && !text.ends_with('/') => Ok(text.to_owned()),
        _ => wrong(
            format!("is `{text}`, which is not an origin."),
            "Write scheme://host, without a slash at the end.",
        ),
    };
    let origins = section.get("allow_origins").map(|at| at.each(origin)).unwrap_or_default();
    section.close();
    origins
}

fn limits(section: Option<Settings<'_>>) -> Limits {
    let mut limits = Limits { headers: 32 << 10, body: 64 << 20, upload: 1 << 30, connections: 10_000 };
    let Some(section) = section else { return limits };
    let bytes = |at: &At<'_>| at.parse(at_least_a_kibibyte);
    limits.headers =
        section.or("headers", |at| bytes(at).and_then(|size| usize::try_from(size).ok()), limits.headers);
    limits.body = section.or("body", bytes, limits.body);
    limits.upload = section.or("upload", bytes, limits.upload);
    limits.connections = section.or(
        "connections",
        |at| at.number(1).and_then(|n| usize::try_from(n).ok()),
        limits.connections,
    );
    section.close();
    limits
}

/// Less would refuse every request.
fn at_least_a_kibibyte(text: &str) -> Result<u64, Wrong> {
    match size(text)? {
        small if small < 1024 => {
            wrong(format!("is {small} bytes, too little for any request."), "Write at least 1KiB.")
        }
        size => Ok(size),
    }
}

fn timeouts(section: Option<Settings<'_>>) -> ServerTimeouts {
    let seconds = Duration::from_secs;
    let mut timeouts = ServerTimeouts {
        headers: seconds(10),
        idle: seconds(90),
        body_gap: seconds(30),
        drain: seconds(600),
    };
    let Some(section) = section else { return timeouts };
    let some = |at: &At<'_>| at.parse(not_zero);
    timeouts.headers = section.or("headers", some, timeouts.headers);
    timeouts.idle = section.or("idle", some, timeouts.idle);
    timeouts.body_gap = section.or("body_gap", some, timeouts.body_gap);
    timeouts.drain = section.or("drain", |at| at.parse(duration), timeouts.drain);
    section.close();
    timeouts
}

/// Silence is answered this often, or never.
fn heartbeat(text: &str) -> Result<Option<Duration>, Wrong> {
    match text.to_ascii_lowercase().as_str() {
        "off" | "no" | "false" => Ok(None),
        _ => match duration(text)? {
            Duration::ZERO => wrong("is zero.", "Write how long silence may last, like 15s, or `off`."),
            some => Ok(Some(some)),
        },
    }
}

/// A duration that leaves time for something to happen.
pub(crate) fn not_zero(text: &str) -> Result<Duration, Wrong> {
    match duration(text)? {
        Duration::ZERO => wrong("is zero.", "Write how long to wait, like 30s."),
        some => Ok(some),
    }
}

/// Whether and how the doors speak TLS. What is asked for and not in use yet is refused: plain text instead of TLS, or
/// anybody instead of holders of a certificate, is not what was written.
fn tls(section: Settings<'_>) -> Option<TlsFiles> {
    let (cert, key) = (section.text("cert"), section.text("key"));
    let mode = section.get("mode").and_then(|at| {
        let mode = at.choice(&[("off", "off"), ("files", "files"), ("local-ca", "later"), ("acme", "later")]);
        if mode == Some("later") {
            at.wrong_as(
                "is a mode that is not in use yet.",
                "Write `files` with `cert` and `key`, or `off`.",
            );
        }
        mode
    });
    if let Some(at) = section.get("client_ca") {
        at.wrong_as(
            "is not in use yet, and passing over it would let anybody call.",
            "Remove it, and check callers elsewhere.",
        );
    }
    let here = section.here().clone();
    section.close();
    match (mode, cert, key) {
        (Some("off" | "later"), _, _) | (None, None, None) => None,
        (_, Some(cert), Some(key)) => Some(TlsFiles { cert: cert.into(), key: key.into() }),
        _ => {
            here.wrong_as("needs both `cert` and `key`.", "Name the two PEM files, or write `mode: off`.");
            None
        }
    }
}
