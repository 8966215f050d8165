//! The description of the admin API (OpenAPI 3.1), made of the table and of the types its handlers read and write; and the
//! page that shows it, which needs nothing from elsewhere.

use bytes::Bytes;
use utoipa::openapi::header::HeaderBuilder;
use utoipa::openapi::path::{OperationBuilder, Parameter, ParameterBuilder, ParameterIn};
use utoipa::openapi::request_body::RequestBodyBuilder;
use utoipa::openapi::schema::{ObjectBuilder, Type};
use utoipa::openapi::security::{
    ApiKey, ApiKeyValue, Http, HttpAuthScheme, SecurityRequirement, SecurityScheme,
};
use utoipa::openapi::{
    ComponentsBuilder, ContentBuilder, HttpMethod, InfoBuilder, OpenApi, OpenApiBuilder, Paths, RefOr,
    Required, ResponseBuilder, Schema,
};
use utoipa::{PartialSchema, ToSchema};

use super::exact::Open;
use super::objection::{PROBLEM, ProblemDocument};
use super::once;
use super::row::{Described, Row, page};
use super::who::Right;

/// The table's rows, and those that describe them: the document and the page. The page is a few lines of our own, for the
/// usual viewers weigh megabytes.
pub(super) fn described(mut rows: Vec<Row>) -> Vec<Row> {
    let file = |path, summary, kind, text: &'static [u8]| page(path, summary, kind, Bytes::from_static(text));
    let (html, js, css) =
        ("text/html; charset=utf-8", "text/javascript; charset=utf-8", "text/css; charset=utf-8");
    rows.extend([
        file("/admin/docs", "A page that shows this description", html, include_bytes!("page/page.html")),
        file("/admin/docs/page.js", "Its script", js, include_bytes!("page/page.js")),
        file("/admin/docs/page.css", "Its looks", css, include_bytes!("page/page.css")),
    ]);
    let own = |text| page("/admin/openapi.json", "This description", "application/json", text);
    rows.push(own(Bytes::new()));
    let text = Bytes::from(document(&rows).to_json().unwrap_or_default());
    rows.pop();
    rows.push(own(text));
    rows
}

const ABOUT: &str = "Administration of this gateway. Served on the same doors as calls while they are on loopback, else on the admin door alone. \
Errors are problem documents (RFC 9457) whose `detail` says what to do. Answers that show the configuration have an `ETag`, its revision; changes take it as \
`If-Match` and are refused with 409 when something else was changed meanwhile. Lists come in pieces: `next` of one asks for the next one.";

fn document(rows: &[Row]) -> OpenApi {
    let mut schemas = vec![(ProblemDocument::name().into_owned(), ProblemDocument::schema())];
    ProblemDocument::schemas(&mut schemas);
    let mut paths = Paths::new();
    for row in rows {
        let described = (row.describe)(&mut schemas);
        paths.add_path_operation(row.path, vec![method(row)], operation(row, described));
    }
    let mut components = ComponentsBuilder::new();
    for (name, schema) in schemas {
        components = components.schema(name, schema);
    }
    let components = components
        .security_scheme("bearer", SecurityScheme::Http(Http::new(HttpAuthScheme::Bearer)))
        .security_scheme("key", SecurityScheme::ApiKey(ApiKey::Header(ApiKeyValue::new("X-Admin-API-Key"))))
        .build();
    let info = InfoBuilder::new()
        .title("openai-proxy: administration")
        .version(env!("CARGO_PKG_VERSION"))
        .description(Some(ABOUT))
        .build();
    OpenApiBuilder::new().info(info).paths(paths).components(Some(components)).build()
}

fn method(row: &Row) -> HttpMethod {
    match row.method.as_str() {
        "POST" => HttpMethod::Post,
        "PUT" => HttpMethod::Put,
        "PATCH" => HttpMethod::Patch,
        "DELETE" => HttpMethod::Delete,
        _ => HttpMethod::Get,
    }
}

fn operation(row: &Row, described: Described) -> OperationBuilder {
    let who = match row.right {
        Right::Anyone => "Anyone may ask.".to_owned(),
        Right::Role(role) => format!("Takes the role {}.", role.name()),
    };
    let mut operation = OperationBuilder::new()
        .tag(tag(row.path))
        .summary(Some(row.summary))
        .description(Some(who))
        .operation_id(Some(id(row)))
        .parameters(Some(in_path(row.path)))
        .response(row.status.as_str(), success(row, described.answer))
        .response("default", problem());
    for parameter in described.query {
        operation = operation.parameter(parameter);
    }
    if let Some(schema) = described.body {
        let content = ContentBuilder::new().schema(Some(schema)).build();
        let body =
            RequestBodyBuilder::new().content("application/json", content).required(Some(Required::True));
        operation = operation.request_body(Some(body.build()));
    }
    if row.writes() && matches!(row.right, Right::Role(config::snapshot::Role::Admin)) {
        operation =
            operation.parameter(in_head("If-Match", "The ETag of the configuration it was made for."));
    }
    if row.is_creating() {
        let about = "Sent twice under one key it is done once, and answered the same.";
        operation = operation.parameter(in_head(once::HEADER, about));
    }
    if row.right != Right::Anyone {
        let none: [&str; 0] = [];
        operation = operation
            .security(SecurityRequirement::new("bearer", none))
            .security(SecurityRequirement::new("key", none));
    }
    operation
}

fn success(row: &Row, answer: Option<(&'static str, RefOr<Schema>)>) -> ResponseBuilder {
    let mut response = ResponseBuilder::new().description(row.status.canonical_reason().unwrap_or("Done"));
    if row.status.is_client_error() {
        return problem();
    }
    if let Some((kind, schema)) = answer {
        response = response.content(kind, ContentBuilder::new().schema(Some(schema)).build());
    } else {
        let place = HeaderBuilder::new().schema(Some(ObjectBuilder::new().schema_type(Type::String))).build();
        response = response.header("Location", place);
    }
    response
}

fn problem() -> ResponseBuilder {
    let schema = utoipa::openapi::Ref::from_schema_name(ProblemDocument::name());
    let content = ContentBuilder::new().schema(Some(schema)).build();
    // What is no proper HTTP is refused before it is known whom it is for, in the form of calls.
    let before = ContentBuilder::new().schema(Some(Open::schema())).build();
    ResponseBuilder::new()
        .description("Why it was not done, and what to do")
        .content(PROBLEM, content)
        .content("application/json", before)
}

fn in_path(path: &str) -> Vec<Parameter> {
    let names = path.split('/').filter_map(|word| word.strip_prefix('{')?.strip_suffix('}'));
    names.map(|name| parameter(name, ParameterIn::Path).required(Required::True).build()).collect()
}

fn in_head(name: &str, about: &str) -> Parameter {
    parameter(name, ParameterIn::Header).required(Required::False).description(Some(about)).build()
}

fn parameter(name: &str, at: ParameterIn) -> ParameterBuilder {
    let text = ObjectBuilder::new().schema_type(Type::String);
    ParameterBuilder::new().name(name).parameter_in(at).schema(Some(text))
}

fn tag(path: &str) -> &'static str {
    match path.split('/').take(4).collect::<Vec<_>>().as_slice() {
        ["", "admin", "v1", "providers", ..] => "providers",
        ["", "admin", "v1", "models" | "routing", ..] => "models and routing",
        ["", "admin", "v1", "requests" | "usage" | "audit" | "database", ..] => "records",
        ["", "admin", "v1", ..] => "configuration",
        ["", "admin", "openapi.json" | "docs", ..] => "documents",
        ["", "stats", ..] => "statistics",
        ["", "verification" | "health", ..] => "moved",
        ["", "admin" | "config", ..] => "configuration (older paths)",
        _ => "instances (older paths)",
    }
}

/// `get_admin_v1_providers_name`
fn id(row: &Row) -> String {
    let path: String = row.path.chars().map(|c| if c.is_ascii_alphanumeric() { c } else { '_' }).collect();
    let words: Vec<&str> = path.split('_').filter(|word| !word.is_empty()).collect();
    format!("{}_{}", row.method.as_str().to_lowercase(), words.join("_"))
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    #[test]
    fn no_two_types_are_described_under_one_name() {
        let mut schemas = Vec::new();
        for row in crate::api::table::rows() {
            (row.describe)(&mut schemas);
        }
        let mut known = BTreeMap::new();
        for (name, schema) in schemas {
            let text = serde_json::to_string(&schema).unwrap_or_default();
            let before = known.insert(name.clone(), text.clone());
            assert!(before.is_none_or(|before| before == text), "two are called {name}");
        }
    }
}
