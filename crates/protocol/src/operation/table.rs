//! The table itself. Order matters only where shapes overlap: the first row that fits is taken.

use super::{Asked, Methods, ModelAt, Operation, Operation::*};
use crate::dialect::{Wire, embedding, rerank};

/// One line of the table: how an operation is recognised and what it needs.
#[derive(Debug)]
pub struct Row {
    /// What is asked.
    pub operation: Operation,
    /// The methods it may be asked with.
    pub methods: Methods,
    /// Its path without `/v1`: literal segments, `{one}` segment, `{all...}` remaining segments, `**` any rest or none.
    pub shape: &'static str,
    /// Where the model's name stands.
    pub model: ModelAt,
    /// The answer may be a stream of server-sent events.
    pub streams: bool,
    /// The answer counts tokens in a `usage` object.
    pub usage: bool,
    /// The body may be `multipart/form-data`.
    pub form: bool,
    /// It may be asked as a WebSocket (GET with `Upgrade`).
    pub socket: bool,
    /// The gateway answers it itself, out of memory.
    pub ours: bool,
}

const G: Methods = Methods::GET;
const P: Methods = Methods::POST;
const GP: Methods = G.and(P);
const GPD: Methods = GP.and(Methods::DELETE);

const fn row(operation: Operation, methods: Methods, shape: &'static str) -> Row {
    Row {
        operation,
        methods,
        shape,
        model: ModelAt::Nowhere,
        streams: false,
        usage: false,
        form: false,
        socket: false,
        ours: false,
    }
}

impl Row {
    const fn model(mut self, at: ModelAt) -> Self {
        self.model = at;
        self
    }
    const fn streams(mut self) -> Self {
        self.streams = true;
        self
    }
    const fn usage(mut self) -> Self {
        self.usage = true;
        self
    }
    const fn form(mut self) -> Self {
        self.form = true;
        self
    }
    const fn socket(mut self) -> Self {
        self.socket = true;
        self
    }
    const fn ours(mut self) -> Self {
        self.ours = true;
        self
    }
}

/// Every operation we know by name.
pub static ROWS: &[Row] = &[
    // Inference and models
    row(Chat, P, "/chat/completions").model(ModelAt::Body).streams().usage(),
    row(StoredChats, G, "/chat/completions"),
    row(StoredChats, GPD, "/chat/completions/{completion}/**"),
    row(Responses, P, "/responses").model(ModelAt::BodyMaybe).streams().usage().socket(),
    row(Responses, P, "/responses/compact").model(ModelAt::BodyMaybe).usage(),
    row(Responses, P, "/responses/input_tokens").model(ModelAt::BodyMaybe),
    row(StoredResponses, GPD, "/responses/{response}/**").streams(),
    row(Embeddings, P, "/embeddings").model(ModelAt::Body).usage(),
    row(Completions, P, "/completions").model(ModelAt::Body).streams().usage(),
    row(Models, G, "/models").ours(),
    row(Models, G, "/models/{model...}").ours(),
    row(ModelAdmin, Methods::DELETE, "/models/{model...}"),
    row(Moderations, P, "/moderations").model(ModelAt::BodyMaybe),
    row(Decisions, P, "/decisions").model(ModelAt::BodyMaybe).usage(),
    row(Images, P, "/images/generations").model(ModelAt::BodyMaybe).streams().usage(),
    row(Images, P, "/images/edits").model(ModelAt::BodyMaybe).streams().usage().form(),
    row(Images, P, "/images/variations").model(ModelAt::BodyMaybe).form(),
    row(Speech, P, "/audio/speech").model(ModelAt::Body).streams(),
    row(Transcriptions, P, "/audio/transcriptions").model(ModelAt::BodyMaybe).streams().usage().form(),
    row(Translations, P, "/audio/translations").model(ModelAt::BodyMaybe).usage().form(),
    row(Voices, GPD, "/audio/voices/**").form(),
    row(Voices, GPD, "/audio/voice_consents/**").form(),
    row(Videos, P, "/videos").model(ModelAt::BodyMaybe).form(),
    row(Videos, GPD, "/videos/**").form(),
    row(Provenance, P, "/content_provenance_checks").form(),
    row(Rerank, P, "/rerank").model(ModelAt::Body).usage(),
    // Sessions over WebSocket and WebRTC
    row(Realtime, GP, "/realtime").model(ModelAt::Query).socket(),
    row(Realtime, GP, "/realtime/translations").model(ModelAt::Query).socket(),
    row(Realtime, P, "/realtime/sessions").model(ModelAt::BodyNoted),
    row(Realtime, P, "/realtime/calls/{call}/accept").model(ModelAt::BodyNoted),
    row(Realtime, P, "/realtime/**").form(),
    row(Live, GP, "/live/sessions").model(ModelAt::Query).socket(),
    row(Live, GP, "/live/sessions/{session}/attach").socket(),
    row(Live, GP, "/live/sessions/{session}/fork").socket(),
    row(Live, GP, "/live/**").form(),
    // State, files, batches: all of one account
    row(Conversations, GPD, "/conversations/**"),
    row(Files, GPD, "/files/**").form(),
    row(Uploads, P, "/uploads/**").form(),
    row(Batches, GP, "/batches/**").model(ModelAt::BodyNoted),
    row(VectorStores, GPD, "/vector_stores/**"),
    row(Containers, GPD, "/containers/**").form(),
    row(Skills, GPD, "/skills/**").form(),
    row(FineTuning, GPD, "/fine_tuning/**").model(ModelAt::BodyNoted),
    row(Evals, GPD, "/evals/**").model(ModelAt::BodyNoted),
    row(Webhooks, GPD, "/webhook_endpoints/**"),
    row(Webhooks, G, "/webhook_event_types/**"),
    row(Agents, GPD, "/agents/**").model(ModelAt::BodyNoted).streams(),
    row(Agents, GPD, "/vaults/**"),
    row(Assistants, GPD, "/assistants/**").model(ModelAt::BodyNoted),
    row(Assistants, GPD, "/threads/**").model(ModelAt::BodyNoted).streams(),
    row(Assistants, GPD, "/chatkit/**"),
    row(Safety, G, "/safety/**"),
    row(Organization, GPD, "/organization/**"),
    row(Organization, GPD, "/projects/**"),
    // Messages, for providers that speak them
    row(Messages, P, "/messages").model(ModelAt::Body).streams().usage(),
    row(Messages, P, "/messages/count_tokens").model(ModelAt::Body),
    row(MessageBatches, GPD, "/messages/batches/**"),
    // What others call by other names, whose paths stand beside /v1
    row(Converse, P, "/model/{model}/converse").model(ModelAt::Path).usage(),
    row(Converse, P, "/model/{model}/converse-stream").model(ModelAt::Path).streams().usage(),
    row(ChatV2, P, "/v2/chat").model(ModelAt::Body).streams().usage(),
    row(EmbedV2, P, "/v2/embed").model(ModelAt::Body).usage(),
    row(RerankV2, P, "/v2/rerank").model(ModelAt::Body).usage(),
    row(Native, P, "/api/chat").model(ModelAt::Body).streams().usage(),
    row(Native, P, "/api/generate").model(ModelAt::Body).streams().usage(),
    row(Native, P, "/api/embed").model(ModelAt::Body).usage(),
    row(Native, P, "/api/embeddings").model(ModelAt::Body).usage(),
    row(Native, P, "/api/show").model(ModelAt::Body),
    row(Native, G, "/api/tags").ours(),
    row(Native, G, "/api/ps").ours(),
    row(Native, G, "/api/version").ours(),
    row(Generate, G, "/v1beta/models").ours(),
    row(Generate, G, "/v1beta/models/{model...}").ours(),
];

/// What can be answered without a model.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum About {
    /// How many tokens a conversation of that wire has: an estimate.
    Tokens(Wire),
    /// What a model can do (Ollama, "Show model details").
    Model,
}

/// The row of a chat.
pub fn chat() -> &'static Row {
    &ROWS[0]
}

/// The row of vectors.
pub fn embeddings() -> &'static Row {
    first(Embeddings)
}

/// The row of an order.
pub fn rerank() -> &'static Row {
    first(Rerank)
}

/// The first row of an operation of the table.
fn first(operation: Operation) -> &'static Row {
    ROWS.iter().find(|row| row.operation == operation).unwrap_or(&OTHER)
}

/// What an unknown path under `/v1/` is: passed through, routed by its model if its JSON body names one.
pub(super) static OTHER: Row =
    row(Other, GPD.and(Methods::CHANGE), "/**").model(ModelAt::BodyMaybe).streams().usage().form();
/// `/v1beta/models/{model}:{verb}`: another language's way to run a model.
pub(super) static GENERATE: Row = row(Generate, P, "/**").model(ModelAt::Path).streams().usage();
/// The rest of `/v1beta/*`: what belongs to an account of that language, or to nobody here.
pub(super) static GENERATE_OTHER: Row = row(Generate, GPD, "/**").streams().usage();
/// `/api/*`: likewise.
pub(super) static NATIVE: Row = row(Native, GPD, "/**").streams();

impl Row {
    /// The way to have a conversation that is asked for at a path of this row; `None`: it is no conversation, or none that could be put
    /// into other words.
    pub fn wire(&self, rest: &str) -> Option<Wire> {
        match (self.operation, self.shape) {
            (Chat, "/chat/completions") => Some(Wire::Chat),
            (Completions, _) => Some(Wire::Completions),
            (Responses, "/responses") => Some(Wire::Responses),
            (Messages, "/messages") => Some(Wire::Messages),
            (Generate, _) => match rest.rsplit_once(':')?.1 {
                "generateContent" | "streamGenerateContent" => Some(Wire::Gemini),
                _ => None,
            },
            (Converse, _) => Some(Wire::Converse),
            (ChatV2, _) => Some(Wire::Cohere),
            (Native, _) => match rest {
                "/api/chat" => Some(Wire::OllamaChat),
                "/api/generate" => Some(Wire::OllamaGenerate),
                _ => None,
            },
            _ => None,
        }
    }

    /// What is asked for at a path of this row that can be put into other words; `None`: nothing can.
    pub fn asks(&self, rest: &str) -> Option<Asked> {
        let vectors = |door| Some(Asked::Embedding(door));
        match self.operation {
            Embeddings => vectors(embedding::Door::OpenAi),
            EmbedV2 => vectors(embedding::Door::Cohere),
            Rerank => Some(Asked::Rerank(rerank::Door::Jina)),
            RerankV2 => Some(Asked::Rerank(rerank::Door::Cohere)),
            Generate if rest.ends_with(":embedContent") => vectors(embedding::Door::Gemini),
            Generate if rest.ends_with(":batchEmbedContents") => vectors(embedding::Door::GeminiBatch),
            Native if rest == "/api/embed" => vectors(embedding::Door::Ollama),
            Native if rest == "/api/embeddings" => vectors(embedding::Door::OllamaOne),
            _ => self.wire(rest).map(Asked::Conversation),
        }
    }

    /// Whether its paths stand beside `/v1`, not below it.
    pub fn stands_beside(&self) -> bool {
        matches!(self.operation, Generate | Native | Converse | ChatV2 | EmbedV2 | RerankV2)
    }

    /// What is asked about a conversation or its model, where that can be answered without asking a model.
    pub fn about(&self, rest: &str) -> Option<About> {
        match (self.operation, rest) {
            (Messages, "/messages/count_tokens") => Some(About::Tokens(Wire::Messages)),
            (Responses, "/responses/input_tokens") => Some(About::Tokens(Wire::Responses)),
            (Generate, _) if rest.ends_with(":countTokens") => Some(About::Tokens(Wire::Gemini)),
            (Native, "/api/show") => Some(About::Model),
            _ => None,
        }
    }

    /// Whether its answer is a stream unless its request says otherwise.
    pub fn streams_unasked(&self) -> bool {
        self.operation == Native && self.streams
    }

    /// Whether its path says that a stream is wanted.
    pub fn streams_by_path(&self, rest: &str) -> bool {
        match self.operation {
            Converse => self.streams,
            Generate => self.model == ModelAt::Path && rest.contains(":stream"),
            _ => false,
        }
    }

    /// Whether it changes which models a server has, or who it is: no call, but administration of that server. Whatever of that
    /// language neither asks a model nor only reads is one (Ollama, "API": pull, push, create, copy, delete, blobs).
    pub fn manages(&self, method: &http::Method, rest: &str) -> bool {
        let asks = matches!(rest, "/api/embed" | "/api/embeddings");
        let reads = matches!(*method, http::Method::GET | http::Method::HEAD);
        self.operation == Native && self.shape == NATIVE.shape && !asks && !reads
    }

    /// Whether it is asked of a server of Ollama's kind: by its own paths, and by those it shares with others (Ollama, "OpenAI
    /// compatibility", "Anthropic compatibility").
    pub fn is_native(&self) -> bool {
        matches!(
            self.operation,
            Native
                | Chat
                | Completions
                | Embeddings
                | Models
                | Responses
                | Images
                | Transcriptions
                | Messages
        )
    }

    /// Whether its path asks for several requests at once, each of which names a model of its own.
    pub fn batches(&self, rest: &str) -> bool {
        let batch = |verb: &str| verb.starts_with("batch") || verb.starts_with("asyncBatch");
        self.operation == Generate
            && self.model == ModelAt::Path
            && rest.rsplit_once(':').is_some_and(|(_, verb)| batch(verb))
    }

    /// Whether a stream that its path asks for comes as one JSON array: in this language events are asked for by the query (Gemini API
    /// reference, "Method: models.streamGenerateContent").
    pub fn streams_array(&self, rest: &str, query: Option<&str>) -> bool {
        self.operation == Generate && self.streams_by_path(rest) && !query.is_some_and(asks_for_events)
    }

    /// The methods this row has at `path`: a collection as a whole is never deleted.
    pub(super) fn methods_at(&self, path: &str) -> Methods {
        let collection = self.shape.strip_suffix("/**") == Some(path);
        if collection { self.methods.without(Methods::DELETE) } else { self.methods }
    }

    /// Whether `path` (without `/v1`, without a trailing slash) has this row's shape.
    pub(super) fn fits(&self, path: &str) -> bool {
        if path == self.shape {
            return true;
        }
        let mut have = path.split('/').skip(1);
        for want in self.shape.split('/').skip(1) {
            match want {
                "**" => return true,
                _ if want.ends_with("...}") => return have.next().is_some_and(|first| !first.is_empty()),
                _ => match have.next() {
                    Some(segment) if want.starts_with('{') && !segment.is_empty() => {}
                    Some(segment) if want == segment => {}
                    _ => return false,
                },
            }
        }
        have.next().is_none()
    }
}

/// Whether a query asks for events, by the last word it has for it (Google APIs, "System parameters", `$alt`).
pub(crate) fn asks_for_events(query: &str) -> bool {
    let alt = |pair| ["alt=", "$alt=", "%24alt="].iter().find_map(|name| str::strip_prefix(pair, name));
    query.rsplit('&').find_map(alt) == Some("sse")
}
