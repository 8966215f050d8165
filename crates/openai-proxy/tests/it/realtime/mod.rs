//! WebSockets on `/v1/realtime`: joined after the vendor's 101 and never before (T-13, D-17).
#![expect(clippy::unwrap_used, reason = "a set-up that fails must fail its test loudly")]

mod endings;
mod messages;
mod openings;

use std::sync::{Arc, Mutex};

use futures_util::StreamExt;
use testkit::caller::PATIENCE;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::mpsc;
use tokio::task::JoinSet;
use tokio_tungstenite::tungstenite::client::IntoClientRequest;
use tokio_tungstenite::tungstenite::handshake::client::Response as Agreed;
use tokio_tungstenite::tungstenite::handshake::server::{Request as Knock, Response as Welcome};
use tokio_tungstenite::tungstenite::{Error, Message};
use tokio_tungstenite::{WebSocketStream, accept_hdr_async, client_async};

use crate::house::{TestHouse, UPSTREAM_KEY};

type Socket = WebSocketStream<TcpStream>;

/// A vendor that speaks WebSocket for real and hands its end of every session to the test.
struct Sessions {
    port: u16,
    knocks: Arc<Mutex<Vec<Knock>>>,
    sockets: mpsc::UnboundedReceiver<Socket>,
    _tasks: JoinSet<()>,
}

impl Sessions {
    async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let knocks = Arc::new(Mutex::new(Vec::new()));
        let (out, sockets) = mpsc::unbounded_channel();
        let (kept, mut tasks) = (knocks.clone(), JoinSet::new());
        tasks.spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                #[expect(clippy::result_large_err, reason = "the library's own signature")]
                let welcome = |knock: &Knock, mut welcome: Welcome| {
                    kept.lock().unwrap().push(knock.clone());
                    // OpenAI agrees to `realtime` and to nothing else.
                    if protocols(knock).iter().any(|name| name == "realtime") {
                        welcome.headers_mut().insert("sec-websocket-protocol", "realtime".parse().unwrap());
                    }
                    welcome
                        .headers_mut()
                        .insert("openai-organization", "canary-organisation".parse().unwrap());
                    Ok(welcome)
                };
                if let Ok(socket) = accept_hdr_async(stream, welcome).await {
                    drop(out.send(socket));
                }
            }
        });
        Self { port, knocks, sockets, _tasks: tasks }
    }

    fn house(&self, more: &str) -> TestHouse {
        let port = self.port;
        TestHouse::new(&format!(
            "providers: {{openai: {{base_url: \"http://127.0.0.1:{port}/v1\", api_key: {UPSTREAM_KEY}}}}}\n{more}"
        ))
    }

    fn knock(&self) -> Knock {
        self.knocks.lock().unwrap().last().unwrap().clone()
    }

    async fn socket(&mut self) -> Socket {
        timely(self.sockets.recv()).await.unwrap()
    }
}

fn protocols(knock: &Knock) -> Vec<String> {
    let lines = knock.headers().get_all("sec-websocket-protocol");
    lines
        .iter()
        .flat_map(|line| line.to_str().unwrap().split(','))
        .map(|name| name.trim().to_owned())
        .collect()
}

async fn timely<T>(what: impl Future<Output = T>) -> T {
    tokio::time::timeout(PATIENCE, what).await.unwrap()
}

async fn connect(
    house: &TestHouse,
    query: &str,
    headers: &[(&'static str, &str)],
) -> Result<(Socket, Agreed), Error> {
    let mut request = format!("ws://{}/v1/realtime?{query}", house.address()).into_client_request().unwrap();
    for (name, value) in headers {
        request.headers_mut().append(*name, value.parse().unwrap());
    }
    let stream = TcpStream::connect(house.address()).await.unwrap();
    timely(client_async(request, stream)).await
}

const KEY: (&str, &str) = ("authorization", "Bearer sk-callers-own");

/// A session: the caller's end, and the vendor's.
async fn joined(sessions: &mut Sessions, house: &TestHouse) -> (Socket, Socket) {
    let (caller, _) = connect(house, "model=gpt-realtime", &[KEY]).await.unwrap();
    (caller, sessions.socket().await)
}

/// The next thing that is not a ping.
async fn next(socket: &mut Socket) -> Option<Result<Message, Error>> {
    timely(socket.next()).await
}

/// An upgrade, with something said before it is agreed to.
fn knock_early(host: std::net::SocketAddr, path: &str) -> String {
    format!(
        "GET {path} HTTP/1.1\r\nhost: {host}\r\nauthorization: Bearer sk-callers-own\r\nconnection: Upgrade\r\nupgrade: websocket\r\nsec-websocket-version: 13\r\nsec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
    )
}
