//! Where a test's database is: a folder that goes with the test, and in it a file, or a database on the server that all tests
//! of this process share.

use std::sync::atomic::{AtomicU32, Ordering};

use store::spool::Beginnings;
use store::usage_record::{Outcome, Tokens};
use store::{Db, Place, Spool, UsageRecord, Vault};
use tempfile::TempDir;
use testkit::postgres::server;

/// A place for one test.
pub(crate) struct Ground {
    pub(crate) folder: TempDir,
    pub(crate) place: Place,
}

impl Ground {
    pub(crate) fn sqlite() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let place = Place::Sqlite(folder.path().join("state/test.db"));
        Self { folder, place }
    }

    pub(crate) fn postgres() -> Self {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        let server = server();
        let name = format!("t{}", NEXT.fetch_add(1, Ordering::Relaxed));
        let create = sqlx::AssertSqlSafe(format!("CREATE DATABASE {name}"));
        execute(&server.url("postgres"), create);
        Self { folder: tempfile::tempdir().unwrap(), place: Place::Postgres(server.url(&name)) }
    }

    /// One that goes with whoever has opened it.
    pub(crate) fn memory() -> Self {
        Self { folder: tempfile::tempdir().unwrap(), place: Place::Memory }
    }

    /// Opened by somebody who has the key of the audit.
    pub(crate) fn audited(&self) -> Db {
        let db = self.open();
        db.set_audit_key(wait(db.audit_key(&vault())).unwrap());
        db
    }

    pub(crate) fn open(&self) -> Db {
        Db::open(&self.place).unwrap()
    }

    /// Does something to the database that we would never do; the test's own words, nobody's input.
    pub(crate) fn tamper(&self, sql: &str) {
        self.execute(Box::leak(sql.to_owned().into()));
    }

    /// Does something to the database that we would never do.
    pub(crate) fn execute(&self, sql: &'static str) {
        match &self.place {
            Place::Postgres(url) => execute(url, sql),
            Place::Sqlite(path) => wait(async {
                use sqlx::{ConnectOptions, Connection};
                let options = sqlx::sqlite::SqliteConnectOptions::new().filename(path);
                let mut connection = options.connect().await.unwrap();
                sqlx::raw_sql(sql).execute(&mut connection).await.unwrap();
                connection.close().await.unwrap();
            }),
            Place::Memory => {}
        }
    }
}

/// Keys that open what these tests seal.
pub(crate) fn vault() -> Vault {
    Vault::of("0123456789abcdef0123456789abcdef").unwrap()
}

/// Texts that mean something to somebody, and long ones.
pub(crate) fn odd_texts() -> Vec<String> {
    let odd = [
        "",
        "' OR 1=1 --",
        "'; DROP TABLE audit; --",
        "%_\\\"`$1?:x@y",
        "\u{202e}\u{1f980}\r\n\t\u{1b}[31m",
        "NULL",
    ];
    let mut all: Vec<String> = odd.into_iter().map(str::to_owned).collect();
    // Of no pattern, so that nobody makes it short.
    let mut state = 1_u32;
    let mut letter = || {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        char::from_u32(0x4e00 + (state >> 16) % 20_000).unwrap()
    };
    all.push((0..10_000).map(|_| letter()).collect());
    all
}

/// Throws everybody out of a database of the server and lets nobody in; or lets them in again.
pub(crate) fn let_in(place: &Place, everybody: bool) {
    alter(place, &format!("ALLOW_CONNECTIONS {everybody}"));
}

/// Makes it a database of the server that may be read and not be written; or makes it a common one again.
pub(crate) fn only_to_be_read(place: &Place, only: bool) {
    alter(place, &format!("SET default_transaction_read_only = {only}"));
}

/// Changes a database of the server for those who come from now on: those who are there are thrown out.
fn alter(place: &Place, what: &str) {
    let Place::Postgres(url) = place else { panic!("a server") };
    let name = url.split(['/', '?']).nth(3).unwrap();
    let admin = server().url("postgres");
    execute(&admin, sqlx::AssertSqlSafe(format!("ALTER DATABASE {name} {what}")));
    let out = format!("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '{name}'");
    execute(&admin, sqlx::AssertSqlSafe(out));
}

/// Waits for something.
pub(crate) fn wait<T>(work: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(work)
}

fn execute(url: &str, sql: impl sqlx::SqlSafeStr) {
    wait(async {
        use sqlx::Connection;
        let mut connection = sqlx::PgConnection::connect(url).await.unwrap();
        sqlx::raw_sql(sql).execute(&mut connection).await.unwrap();
        connection.close().await.unwrap();
    });
}

/// A record of a call, as a test tells them apart.
pub(crate) fn record(number: u64) -> UsageRecord {
    UsageRecord {
        // The shape of a UUID v7, with an order that a test can tell.
        record_id: format!("019ab000-0000-7000-8000-{number:012x}"),
        id: format!("req-{number}"),
        started_us: 1_700_000_000_000_000 + number * 1_000_000,
        duration_us: 1_000,
        first_byte_us: Some(500),
        caller: "open".into(),
        operation: "chat_completions".into(),
        method: "POST".into(),
        model_asked: Some("gpt-4o".into()),
        model_sent: Some("gpt-4o-2024".into()),
        provider: Some("openai".into()),
        status: 200,
        stream: true,
        outcome: Outcome::Answered,
        error: None,
        attempts: 1,
        tokens: Some(Tokens { input: 9, output: 12, cached: 3, reasoning: 1 }),
        bytes_in: 10,
        bytes_out: 20,
        trail: Vec::new(),
    }
}

/// Writes down that a call begins; whether that is the first line since a sync.
pub(crate) fn begins(spool: &Spool, record: &UsageRecord) -> bool {
    let mut calls = Beginnings::default();
    calls.add(record).unwrap();
    spool.begin(&calls).unwrap()
}
