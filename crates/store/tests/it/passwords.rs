use secrecy::SecretString;
use servers::{Postgres, PostgresOptions};
use sqlx::{AssertSqlSafe, Connection, PgConnection};
use std::fs;
use std::net::TcpListener;
use std::os::unix::fs::PermissionsExt;
use store::{Owner, Settings, Store};

#[tokio::test]
async fn a_changed_password_file_is_used_without_a_restart() {
    let folder = tempfile::tempdir().unwrap();
    fs::set_permissions(folder.path(), fs::Permissions::from_mode(0o755)).unwrap();
    let data = folder.path().join("data");
    let options = PostgresOptions { data: Some(data.clone()), ..PostgresOptions::default() };
    let mut server = Postgres::start_with(options).await.unwrap();
    let administrator = server.url();
    let administer = async |statement: &str| {
        let mut connection = PgConnection::connect(&administrator).await.unwrap();
        sqlx::query(AssertSqlSafe(statement.to_owned())).execute(&mut connection).await.unwrap();
    };
    administer("CREATE ROLE orgwatch LOGIN PASSWORD 'first'").await;
    let rules = "host all postgres 127.0.0.1/32 trust\nhost all all 127.0.0.1/32 scram-sha-256\n";
    fs::write(data.join("pg_hba.conf"), rules).unwrap();
    server.restart().await.unwrap();

    let file = folder.path().join("password");
    fs::write(&file, "first\n").unwrap();
    let settings = Settings {
        url: SecretString::from(server.url().replace("postgres@", "orgwatch@")),
        password_file: Some(file.clone()),
        acquire_timeout_ms: 2_000,
        ..Settings::default()
    };
    let store = Store::connect(&settings, "orgwatch-test").await.unwrap();
    store.ping().await.unwrap();

    administer("ALTER ROLE orgwatch PASSWORD 'second'").await;
    store.ping().await.unwrap();
    Owner::connect_as_nonmember(&settings, "operator", "test").await.unwrap_err();
    fs::write(&file, "second\n").unwrap();
    Owner::connect_as_nonmember(&settings, "operator", "test").await.unwrap();
    // The restart closes all connections of the pool. New ones use the old password until it is reread.
    server.restart().await.unwrap();
    store.ping().await.unwrap_err();
    store.reread_password().unwrap();
    store.ping().await.unwrap();

    fs::write(&file, "wrong\n").unwrap();
    assert!(refusal(&settings).await.contains("password authentication failed"));
    fs::remove_file(&file).unwrap();
    store.reread_password().unwrap_err();
    store.ping().await.unwrap();
}

#[tokio::test]
async fn a_failed_connection_reports_its_cause() {
    let port = TcpListener::bind("127.0.0.1:0").and_then(|listener| listener.local_addr()).unwrap().port();
    let url = SecretString::from(format!("postgres://postgres@127.0.0.1:{port}/postgres"));
    let refusal = refusal(&Settings { url, acquire_timeout_ms: 100, ..Settings::default() }).await;
    assert!(refusal.contains("Connection refused"), "{refusal}");
}

/// Returns the error of connecting, with its sources.
async fn refusal(settings: &Settings) -> String {
    let error = Store::connect(settings, "orgwatch-test").await.unwrap_err();
    let sources = std::iter::successors(Some(&error as &dyn std::error::Error), |error| error.source());
    sources.map(ToString::to_string).collect::<Vec<_>>().join(": ")
}
