//! What a gateway does besides passing bytes on, as configuration switches it: each on and off.

/// One duty.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Duty {
    /// Its name in the table.
    pub(crate) name: &'static str,
    /// The configuration that switches it on.
    pub(crate) on: &'static str,
    /// The configuration that switches it off; empty where leaving it out does.
    pub(crate) off: &'static str,
}

/// All duties, in the order in which a call meets them. A line with a `@WORD@` is filled in as the configuration around it is.
pub(crate) const DUTIES: &[Duty] = &[
    Duty { name: "keys", on: "keys: {bench: {key: \"@KEY@\", models: [\"gpt-*\"]}}\n", off: "" },
    Duty {
        name: "limits",
        // Counted, and never reached.
        on: "limits:\n  global: {requests: 1000000000/min, tokens: 1000000000000/min, concurrency: 100000}\n  \
             per_key: {requests: 1000000000/min, tokens: 1000000000000/min, concurrency: 100000}\n  \
             per_ip: {requests: 1000000000/min}\n",
        off: "",
    },
    Duty {
        name: "routing",
        on: "models: {other: bench, \"gpt-4*\": bench, gpt-bench: bench/gpt-bench, \"claude-*\": bench}\n",
        off: "",
    },
    Duty {
        name: "metrics",
        on: "telemetry: {metrics: {enabled: on}}\n",
        off: "telemetry: {metrics: {enabled: off}}\n",
    },
    Duty {
        name: "records",
        on: "storage: {database: \"sqlite:@HOME@/openai-proxy.db\"}\n",
        off: "storage: {database: memory}\n",
    },
];
