//! The table of routes: one row each. A row without a right is no row.

use config::snapshot::Role::{Admin, Operator, Viewer};
use http::Method;

use super::row::{Row, gone, moved, row};
use super::who::Right::{self, Role};
use super::{
    alerts, audit, callers, database, drills, explaining, instances, keys, mappings, providers, requests,
    revisions, routing, settings, sources, standing, statistics, stock, usage, verification,
};

const LOOK: Right = Role(Viewer);
const RUN: Right = Role(Operator);
const CHANGE: Right = Role(Admin);

const GET: Method = Method::GET;
const POST: Method = Method::POST;
const PUT: Method = Method::PUT;
const PATCH: Method = Method::PATCH;
const DELETE: Method = Method::DELETE;

/// All routes but those that describe them, in the order they are documented.
pub(super) fn rows() -> Vec<Row> {
    let mut rows = older();
    rows.extend(providers_and_models());
    rows.extend(callers_keys());
    rows.extend(configuration());
    rows.extend(records());
    rows
}

/// The paths of seed 003.
fn older() -> Vec<Row> {
    vec![
        row(GET, "/instances", LOOK, "All instances, with filters", instances::all),
        row(
            GET,
            "/instances/config/all",
            LOOK,
            "The configuration of all instances",
            instances::configurations,
        ),
        row(
            GET,
            "/instances/config/{name}",
            LOOK,
            "The configuration of one instance",
            instances::one_configuration,
        ),
        row(POST, "/instances/add", CHANGE, "Add an instance", providers::create).creates(),
        row(POST, "/instances/add-many", CHANGE, "Add several instances, all or none", instances::add_many)
            .creates(),
        row(POST, "/instances/verify/{name}", RUN, "Try out whether an instance works", verification::verify),
        row(GET, "/instances/verify/{name}", RUN, "The same, as it was asked before", verification::verify),
        row(
            GET,
            "/instances/{name}",
            LOOK,
            "State of one instance: health, figures, configuration",
            instances::one,
        ),
        row(PATCH, "/instances/{name}", CHANGE, "Change an instance", providers::patch),
        row(DELETE, "/instances/{name}", CHANGE, "Take an instance away", providers::remove),
        row(
            GET,
            "/stats",
            LOOK,
            "Figures of all calls since the start or the last reset",
            statistics::overall,
        ),
        row(GET, "/stats/windows", LOOK, "The same over several windows of time", statistics::windows),
        row(GET, "/stats/instances", LOOK, "Figures and health of each instance", statistics::instances),
        row(GET, "/stats/health", LOOK, "Health in short", statistics::health),
        row(POST, "/stats/reset", RUN, "Begin to count anew", statistics::reset),
        row(GET, "/config", LOOK, "The configuration as it counts, without secrets", settings::counts),
        row(POST, "/config/reload", CHANGE, "Read the configuration anew", settings::reload),
        row(GET, "/admin/config/sources", LOOK, "Where every setting comes from", sources::all),
        row(
            GET,
            "/admin/config/instances/{name}/sources",
            LOOK,
            "Where an instance's settings come from",
            sources::of_provider,
        ),
        row(GET, "/admin/config/effective", LOOK, "The configuration after all layers", settings::counts),
        row(POST, "/admin/config/reload", CHANGE, "Read all sources anew", settings::reload),
        gone(
            "/verification/instances/test",
            LOOK,
            "Taken away long ago. Try an instance out at /instances/verify/{name}",
        ),
        moved(
            "/verification/instances/{name}",
            LOOK,
            "/instances/verify/{name}",
            "Moved to /instances/verify/{name}",
        ),
        moved("/health/instances/{name}", LOOK, "/instances/{name}", "Moved to /instances/{name}"),
        moved("/health/instances", LOOK, "/stats/instances", "Moved to /stats/instances"),
    ]
}

/// Providers, their keys and standing, models, routing.
fn providers_and_models() -> Vec<Row> {
    vec![
        row(GET, "/admin/v1/providers", LOOK, "All providers", providers::all),
        row(POST, "/admin/v1/providers", CHANGE, "Add a provider", providers::create).creates(),
        row(GET, "/admin/v1/providers/{name}", LOOK, "A provider", providers::one),
        row(PUT, "/admin/v1/providers/{name}", CHANGE, "Give a provider other settings", providers::replace),
        row(PATCH, "/admin/v1/providers/{name}", CHANGE, "Change settings of a provider", providers::patch),
        row(DELETE, "/admin/v1/providers/{name}", CHANGE, "Take a provider away", providers::remove),
        row(GET, "/admin/v1/providers/{name}/keys", LOOK, "The keys of a provider", keys::all),
        row(POST, "/admin/v1/providers/{name}/keys", CHANGE, "Add a key", keys::create).creates(),
        row(GET, "/admin/v1/providers/{name}/keys/{id}", LOOK, "A key, and how it fares", keys::one),
        row(POST, "/admin/v1/providers/{name}/keys/{id}/rotate", CHANGE, "Exchange a key", keys::rotate),
        row(DELETE, "/admin/v1/providers/{name}/keys/{id}", CHANGE, "Take a key away", keys::remove),
        row(GET, "/admin/v1/providers/{name}/breaker", LOOK, "How a provider stands", standing::one),
        row(
            POST,
            "/admin/v1/providers/{name}/breaker",
            RUN,
            "Force a breaker open or closed, or reset it",
            standing::breaker,
        ),
        row(GET, "/admin/v1/providers/{name}/pause", LOOK, "Whether a provider is paused", standing::one),
        row(POST, "/admin/v1/providers/{name}/pause", RUN, "Pause a provider, or resume it", standing::pause),
        row(GET, "/admin/v1/providers/{name}/pulls", LOOK, "Models on their way to a provider", stock::pulls),
        row(POST, "/admin/v1/providers/{name}/pulls", CHANGE, "Bring a model to a provider", stock::pull)
            .creates(),
        row(DELETE, "/admin/v1/providers/{name}/pulls/{model}", CHANGE, "Stop bringing a model", stock::stop),
        row(
            POST,
            "/admin/v1/providers/{name}/models/{model}/copy",
            CHANGE,
            "Give a model of a provider a second name there",
            stock::copy,
        ),
        row(
            DELETE,
            "/admin/v1/providers/{name}/models/{model}",
            CHANGE,
            "Take a model away from a provider",
            stock::delete,
        ),
        row(GET, "/admin/v1/drills", LOOK, "Faults that are made on purpose now", drills::all),
        row(POST, "/admin/v1/drills", RUN, "Make faults on purpose, for a while", drills::begin).creates(),
        row(DELETE, "/admin/v1/drills", RUN, "End all drills", drills::end_all),
        row(DELETE, "/admin/v1/drills/{number}", RUN, "End a drill", drills::end),
        row(GET, "/admin/v1/models", LOOK, "Public model names, and where they lead", mappings::all),
        row(POST, "/admin/v1/models", CHANGE, "Add a model name", mappings::create).creates(),
        row(GET, "/admin/v1/models/{name}", LOOK, "A model name", mappings::one),
        row(PUT, "/admin/v1/models/{name}", CHANGE, "Lead a model name elsewhere", mappings::replace),
        row(PATCH, "/admin/v1/models/{name}", CHANGE, "Change a model name", mappings::patch),
        row(DELETE, "/admin/v1/models/{name}", CHANGE, "Take a model name away", mappings::remove),
        row(GET, "/admin/v1/routing", LOOK, "The routing policy", routing::policy),
        row(PUT, "/admin/v1/routing", CHANGE, "Another routing policy", routing::replace),
        row(PATCH, "/admin/v1/routing", CHANGE, "Change the routing policy", routing::patch),
        row(GET, "/admin/v1/routing/schema", LOOK, "The schema of a routing policy", routing::schema),
        row(GET, "/admin/v1/explain", LOOK, "Where a request would go, and why", explaining::look),
        row(POST, "/admin/v1/explain", LOOK, "The same, for a request with a body", explaining::explain),
    ]
}

/// The keys of callers.
fn callers_keys() -> Vec<Row> {
    vec![
        row(GET, "/admin/v1/keys", LOOK, "The keys of callers", callers::all),
        row(POST, "/admin/v1/keys", CHANGE, "Make a key for a caller; it is shown once", callers::create)
            .creates()
            .tells_once(callers::ONCE),
        row(GET, "/admin/v1/keys/{name}", LOOK, "A caller's key, without itself", callers::one),
        row(
            POST,
            "/admin/v1/keys/{name}/aws",
            CHANGE,
            "Show what is signed with in the place of a caller's key",
            callers::sign_as,
        ),
        row(DELETE, "/admin/v1/keys/{name}", CHANGE, "Take a caller's key away", callers::revoke),
    ]
}

/// The configuration and its revisions.
fn configuration() -> Vec<Row> {
    vec![
        row(GET, "/admin/v1/config", LOOK, "What is written, with its ETag", settings::written),
        row(PATCH, "/admin/v1/config", CHANGE, "Change settings by a merge patch", settings::patch),
        row(GET, "/admin/v1/config/{path}", LOOK, "One setting", settings::at_path),
        row(PUT, "/admin/v1/config/{path}", CHANGE, "Write one setting", settings::put),
        row(
            DELETE,
            "/admin/v1/config/{path}",
            CHANGE,
            "Forget a change: what files say counts again",
            settings::reset,
        ),
        row(POST, "/admin/v1/plan", CHANGE, "What a merge patch would change", settings::plan),
        row(POST, "/admin/v1/rollback", CHANGE, "Go back to a revision", settings::rollback),
        row(
            GET,
            "/admin/v1/reload",
            LOOK,
            "How reading the configuration anew went",
            settings::reload_status,
        ),
        row(GET, "/admin/v1/revisions", LOOK, "Recorded changes, newest first", revisions::all),
        row(
            GET,
            "/admin/v1/revisions/{number}",
            LOOK,
            "A revision, and what was written then",
            revisions::one,
        ),
        row(
            GET,
            "/admin/v1/revisions/{from}/diff/{to}",
            LOOK,
            "What one revision says differently than another",
            revisions::difference,
        ),
    ]
}

/// What is recorded, and where.
fn records() -> Vec<Row> {
    vec![
        row(GET, "/admin/v1/requests", LOOK, "Finished calls, newest first", requests::all),
        row(GET, "/admin/v1/usage", LOOK, "Usage in sums", usage::sums),
        row(GET, "/admin/v1/audit", LOOK, "Who did what, newest first", audit::all),
        row(POST, "/admin/v1/audit/verify", RUN, "Look whether the audit trail is whole", audit::verify),
        row(POST, "/admin/v1/alerts/test", RUN, "Send those who are told of alerts a test", alerts::test),
        row(GET, "/admin/v1/database", LOOK, "How the database is", database::health),
        row(POST, "/admin/v1/database/backup", RUN, "Copy the database", database::backup),
        row(
            POST,
            "/admin/v1/database/vacuum",
            CHANGE,
            "Give back the room of what was deleted",
            database::vacuum,
        ),
        row(
            POST,
            "/admin/v1/secrets/rotate",
            CHANGE,
            "Wrap all secrets under the newest key of storage.encryption_key",
            database::rotate,
        ),
        row(POST, "/admin/v1/database/prune", CHANGE, "Delete records of old calls", database::prune),
    ]
}
