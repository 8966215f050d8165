//! Responses over a WebSocket, with a real client library: each message is a call of its own, to any kind of place.

mod answers;
mod endings;
mod openings;

use futures_util::{SinkExt, StreamExt};
use serde_json::Value;
use testkit::caller::PATIENCE;
use testkit::vendor::{self, Act, Framing, Seen, Vendor};
use tokio::net::TcpStream;
use tokio_tungstenite::tungstenite::client::IntoClientRequest;
use tokio_tungstenite::tungstenite::protocol::frame::coding::CloseCode;
use tokio_tungstenite::tungstenite::{Error, Message};
use tokio_tungstenite::{WebSocketStream, client_async};

use crate::house::{TestHouse, provider};

type Socket = WebSocketStream<TcpStream>;

const LAPTOP: &str = "sk-laptop-0123456789abcdefghijklmnop";

async fn timely<T>(what: impl Future<Output = T>) -> T {
    tokio::time::timeout(PATIENCE, what).await.unwrap()
}

async fn open_as(house: &TestHouse, key: &str) -> Result<Socket, Error> {
    let mut request = format!("ws://{}/v1/responses", house.address()).into_client_request().unwrap();
    let bearer = format!("Bearer {key}");
    for (name, value) in [
        ("authorization", bearer.as_str()),
        ("openai-beta", "responses_websockets=2026-02-06"),
        ("x-own", "passes"),
    ] {
        request.headers_mut().append(name, value.parse().unwrap());
    }
    let stream = TcpStream::connect(house.address()).await.unwrap();
    timely(client_async(request, stream)).await.map(|(socket, _)| socket)
}

async fn open(house: &TestHouse) -> Socket {
    open_as(house, LAPTOP).await.unwrap()
}

async fn send(socket: &mut Socket, message: Value) {
    timely(socket.send(Message::text(message.to_string()))).await.unwrap();
}

/// The next message that is no ping.
async fn message(socket: &mut Socket) -> Option<Message> {
    loop {
        match timely(socket.next()).await {
            Some(Ok(Message::Ping(_) | Message::Pong(_))) => {}
            Some(Ok(message)) => return Some(message),
            Some(Err(_)) | None => return None,
        }
    }
}

/// The next event.
async fn event(socket: &mut Socket) -> Value {
    let message = message(socket).await.unwrap();
    serde_json::from_str(message.to_text().unwrap()).unwrap_or_else(|_| panic!("{message:?}"))
}

/// All events of an answer.
async fn answer(socket: &mut Socket) -> Vec<Value> {
    let mut events = Vec::new();
    loop {
        let event = event(socket).await;
        let kind = event["type"].as_str().unwrap_or_default().to_owned();
        events.push(event);
        if ["response.completed", "response.incomplete", "response.failed", "error"].contains(&&*kind) {
            return events;
        }
    }
}

/// Why it was closed.
async fn closed(socket: &mut Socket) -> Option<CloseCode> {
    loop {
        match message(socket).await {
            Some(Message::Close(frame)) => return frame.map(|frame| frame.code),
            Some(_) => {}
            None => return None,
        }
    }
}

const CREATED: &str = r#"{"type":"response.created","sequence_number":0,"odd":1.50,"response":{"id":"resp_v1","object":"response","status":"in_progress","output":[]}}"#;

const COMPLETED: &str = r#"{"type":"response.completed","sequence_number":1,"response":{"id":"resp_v1","object":"response","status":"completed","output":[{"id":"msg_1","type":"message","role":"assistant","status":"completed","content":[{"type":"output_text","text":"hey","annotations":[]}]}],"usage":{"input_tokens":9,"output_tokens":2,"total_tokens":11}}}"#;

/// A vendor of Responses over HTTP.
fn streams(_: &Seen) -> Act {
    let events = format!(
        "event: response.created\ndata: {CREATED}\n\nevent: response.completed\ndata: {COMPLETED}\n\n"
    );
    vendor::Answer::events().framing(Framing::Chunked).send(events).into()
}

async fn straight(more: &str) -> (Vendor, TestHouse) {
    let vendor = Vendor::start(streams).await;
    let house = TestHouse::new(&format!("{}{more}", provider(&vendor)));
    (vendor, house)
}

fn id_of(events: &[Value]) -> String {
    events.last().unwrap()["response"]["id"].as_str().unwrap_or_else(|| panic!("{events:?}")).to_owned()
}
