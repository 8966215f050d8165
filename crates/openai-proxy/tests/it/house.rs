//! A house for a test: the real one, on a free port, configured by a few lines, closed when dropped.

use std::net::SocketAddr;

use openai_proxy::House;
use store::UsageRecord;
use testkit::vendor::{Act, Seen, Vendor};

/// The key the gateway has for its provider, which no caller may ever see and every vendor must.
pub(crate) const UPSTREAM_KEY: &str = "sk-test-upstream-key";

/// A running gateway.
pub(crate) struct TestHouse {
    house: Option<House>,
    address: SocketAddr,
    /// Where its file is.
    folder: Option<tempfile::TempDir>,
}

/// What a house is built from: this file, and no environment. The folder goes when it is dropped.
pub(crate) fn given(yaml: &str) -> (tempfile::TempDir, config::Given) {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("openai-proxy.yaml");
    std::fs::write(&file, yaml).unwrap();
    (folder, config::Given { file: Some(file), ..config::Given::default() })
}

impl TestHouse {
    /// Builds one from YAML; `server.listen` is set to a free port unless it is written.
    pub(crate) fn new(yaml: &str) -> Self {
        let yaml = if yaml.contains("listen:") {
            yaml.to_owned()
        } else {
            format!("server: {{listen: \"127.0.0.1:0\", workers: 2}}\n{yaml}")
        };
        let (folder, given) = given(&yaml);
        let mut house = Self::of(&given);
        house.folder = Some(folder);
        house
    }

    /// Rewrites the file it was built from.
    pub(crate) fn rewrite(&self, yaml: &str) {
        std::fs::write(self.folder.as_ref().unwrap().path().join("openai-proxy.yaml"), yaml).unwrap();
    }

    /// Writes more at the end of the file it was built from.
    pub(crate) fn extend(&self, yaml: &str) {
        let file = self.folder.as_ref().unwrap().path().join("openai-proxy.yaml");
        let written = std::fs::read_to_string(&file).unwrap();
        std::fs::write(file, written + yaml).unwrap();
    }

    /// From whatever a configuration can be read from.
    pub(crate) fn of(given: &config::Given) -> Self {
        let house = House::new(given.clone()).unwrap();
        let address = house.addresses().first().copied().unwrap_or_else(|| "0.0.0.0:0".parse().unwrap());
        Self { house: Some(house), address, folder: None }
    }

    /// In front of one vendor, as `openai`, with our own key for it.
    pub(crate) fn before(vendor: &Vendor) -> Self {
        Self::new(&provider(vendor))
    }

    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }

    pub(crate) fn inner(&self) -> &House {
        self.house.as_ref().unwrap()
    }

    /// The records of all finished calls. A record is handed in when the answer's body is dropped, which may be a moment
    /// after the caller has its last byte: `until` says what to wait for.
    pub(crate) async fn records(&self, until: impl Fn(&[UsageRecord]) -> bool) -> Vec<UsageRecord> {
        let deadline = tokio::time::Instant::now() + std::time::Duration::from_secs(10);
        loop {
            let records = self.inner().records().await;
            if until(&records) {
                return records;
            }
            assert!(tokio::time::Instant::now() < deadline, "these records are all there are: {records:#?}");
            tokio::task::yield_now().await;
        }
    }

    /// The one record of the one call.
    pub(crate) async fn record(&self) -> UsageRecord {
        let mut records = self.records(|records| !records.is_empty()).await;
        assert_eq!(records.len(), 1, "exactly one record: {records:#?}");
        records.remove(0)
    }
}

impl Drop for TestHouse {
    fn drop(&mut self) {
        if let Some(house) = self.house.take() {
            house.close();
            // Waiting blocks, which a test's own runtime must not do.
            let _ = std::thread::spawn(move || house.wait()).join();
        }
    }
}

/// The lines that put `openai` at this vendor.
pub(crate) fn provider(vendor: &Vendor) -> String {
    format!("providers: {{openai: {{base_url: \"{}/v1\", api_key: {UPSTREAM_KEY}}}}}\n", vendor.url())
}

/// A vendor that answers every request the same way, and a house before it.
pub(crate) async fn with(script: impl Fn(&Seen) -> Act + Send + Sync + 'static) -> (Vendor, TestHouse) {
    let vendor = Vendor::start(script).await;
    let house = TestHouse::before(&vendor);
    (vendor, house)
}

/// The same, by a house that asks once, whatever comes of it: for what one answer becomes.
pub(crate) async fn once(script: impl Fn(&Seen) -> Act + Send + Sync + 'static) -> (Vendor, TestHouse) {
    let vendor = Vendor::start(script).await;
    let house = TestHouse::new(&format!("{}{ONCE}", provider(&vendor)));
    (vendor, house)
}

/// A house that asks its vendor however often that fails, and once each time: for faults met one after another.
pub(crate) fn undaunted(vendor: &Vendor) -> TestHouse {
    TestHouse::new(&format!(
        "providers: {{openai: {{base_url: \"{}/v1\", api_key: {UPSTREAM_KEY}, breaker: {UNDAUNTED}}}}}\n{ONCE}",
        vendor.url()
    ))
}

/// A breaker that never opens.
pub(crate) const UNDAUNTED: &str = "{min_requests: 1000000}";

/// Nothing is asked for again.
pub(crate) const ONCE: &str = "routing: {retries: 0}\n";

/// A small chat body.
pub(crate) fn chat(model: &str, stream: bool) -> String {
    format!(r#"{{"model":"{model}","stream":{stream},"messages":[{{"role":"user","content":"hi"}}]}}"#)
}

/// A chat answer with a count.
pub(crate) const CHAT_ANSWER: &str = r#"{"id":"chatcmpl-1","object":"chat.completion","model":"gpt-4o","choices":[{"index":0,"message":{"role":"assistant","content":"hello"},"finish_reason":"stop"}],"usage":{"prompt_tokens":9,"completion_tokens":12,"total_tokens":21}}"#;

/// The events of a chat stream, as OpenAI writes them when a usage chunk is asked for.
pub(crate) fn chat_events(with_usage: bool) -> Vec<String> {
    let null = if with_usage { r#","usage":null"# } else { "" };
    let chunk = |delta: &str, finish: &str| {
        format!(
            r#"data: {{"id":"c1","object":"chat.completion.chunk","model":"gpt-4o","choices":[{{"index":0,"delta":{delta},"finish_reason":{finish}}}]{null}}}"#
        ) + "\n\n"
    };
    let mut events = vec![
        chunk(r#"{"role":"assistant","content":""}"#, "null"),
        chunk(r#"{"content":"hé"}"#, "null"),
        chunk(r#"{"content":"llo"}"#, "null"),
        chunk("{}", r#""stop""#),
    ];
    if with_usage {
        events.push("data: {\"id\":\"c1\",\"object\":\"chat.completion.chunk\",\"model\":\"gpt-4o\",\"choices\":[],\"usage\":{\"prompt_tokens\":9,\"completion_tokens\":12,\"total_tokens\":21}}\n\n".to_owned());
    }
    events.push("data: [DONE]\n\n".to_owned());
    events
}
