//! What a drill does in place of sending, or to the rest of an answer. It happens behind the same doors as the real thing: whoever
//! judges an attempt cannot tell the difference, and breakers, retries and rescue do what they do.

use bytes::{Bytes, BytesMut};
use config::snapshot::Provider;
use http::header::{CONTENT_TYPE, HeaderMap, HeaderValue, RETRY_AFTER};
use tokio::time::Instant;

use super::breaking::{Breaking, why};
use super::client::{Client, Reply, Times};
use super::engine::{Behind, Left, Line, Message, Socket};
use super::rest::Rest;
use super::trouble::Trouble;
use crate::standing::Fault;

/// The body of a made-up refusal: an error in OpenAI's shape and in Anthropic's.
const REFUSAL: &str = r#"{"type":"error","error":{"type":"drill","code":"drill","message":"A drill of the gateway's operator made this error. The provider was not asked."}}"#;

impl Client {
    /// Sends a request as a drill would have it.
    pub(super) async fn send_drilled(
        &self,
        fault: Fault,
        provider: &Provider,
        message: Message,
        deadline: Instant,
    ) -> Result<Box<Reply>, Trouble> {
        let (until, late) = Times::of(&provider.timeouts, (Instant::now(), deadline)).of_head(&message.body);
        match fault {
            Fault::Refuse => Err(Trouble::Unreachable(why())),
            Fault::Reset => Err(Trouble::Cut(why())),
            Fault::Garbage => Err(Trouble::Protocol(why())),
            Fault::Status { status, retry_after } => {
                let mut head = HeaderMap::new();
                head.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
                if let Some(wait) = retry_after {
                    head.insert(RETRY_AFTER, HeaderValue::from(wait.as_millis().div_ceil(1000) as u64));
                }
                Ok(Box::new(Reply { status, head, written: Bytes::new(), rest: self.made_up(provider) }))
            }
            Fault::Hang => {
                tokio::time::sleep_until(until).await;
                Err(late)
            }
            Fault::Slow(wait) => {
                let begins = Instant::now() + wait;
                tokio::time::sleep_until(begins.min(until)).await;
                if begins < until { self.send(provider, message, deadline).await } else { Err(late) }
            }
            Fault::Cut { after } | Fault::Stall { after } => {
                let mut reply = self.send(provider, message, deadline).await?;
                let kind = reply.head.get(CONTENT_TYPE).map(HeaderValue::as_bytes).unwrap_or_default();
                // Of an answer without events nothing comes.
                let left = if kind.starts_with(b"text/event-stream") { after } else { 0 };
                let cuts = matches!(fault, Fault::Cut { .. });
                reply.rest.drill(Breaking::behind(left, cuts));
                Ok(reply)
            }
        }
    }

    /// The rest of an answer that nobody gave.
    fn made_up(&self, provider: &Provider) -> Rest {
        let (ours, _theirs) = tokio::io::duplex(1);
        let mut line = Line::new(Socket::Inside(ours));
        line.held = BytesMut::from(REFUSAL);
        let behind = Behind { left: Left::Length(REFUSAL.len() as u64), sending: None, keeps: false };
        Rest::of(behind, self.lease(line, provider))
    }
}
