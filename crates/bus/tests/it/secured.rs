//! Servers that authenticate clients, and clients that authenticate servers.

use crate::support::{publish_activity, settings, topology};
use bus::{Auth, Bus, BusError, Settings, Tls};
use nkeys::KeyPair;
use rcgen::{BasicConstraints, CertificateParams, ExtendedKeyUsagePurpose, IsCa, Issuer};
use secrecy::SecretString;
use serde_json::{Value, json};
use servers::{Nats, NatsOptions};
use std::path::{Path, PathBuf};
use tempfile::TempDir;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

/// A certificate authority, and the certificates of `server` and `client` that it signed.
struct Certificates(TempDir);

impl Certificates {
    fn make() -> Self {
        let folder = TempDir::new().unwrap();
        let key = rcgen::KeyPair::generate().unwrap();
        let mut authority = CertificateParams::new([]).unwrap();
        authority.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let root = authority.self_signed(&key).unwrap();
        std::fs::write(folder.path().join("ca.pem"), root.pem()).unwrap();
        let issuer = Issuer::new(authority, key);
        let purposes = [ExtendedKeyUsagePurpose::ServerAuth, ExtendedKeyUsagePurpose::ClientAuth];
        for (name, purpose) in ["server", "client"].into_iter().zip(purposes) {
            let key = rcgen::KeyPair::generate().unwrap();
            let mut leaf = CertificateParams::new(["127.0.0.1".to_owned()]).unwrap();
            leaf.extended_key_usages = vec![purpose];
            let signed = leaf.signed_by(&key, &issuer).unwrap();
            std::fs::write(folder.path().join(format!("{name}.pem")), signed.pem()).unwrap();
            std::fs::write(folder.path().join(format!("{name}.key")), key.serialize_pem()).unwrap();
        }
        Self(folder)
    }

    fn file(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    /// Returns the configuration of a server that verifies certificates of clients.
    fn config(&self) -> String {
        let file = |name| self.file(name).display().to_string();
        format!(
            "tls {{ cert_file: {:?}, key_file: {:?}, ca_file: {:?}, verify: true }}",
            file("server.pem"),
            file("server.key"),
            file("ca.pem"),
        )
    }

    fn client(&self) -> Tls {
        let file = |name| Some(self.file(name));
        Tls { ca_file: file("ca.pem"), cert_file: file("client.pem"), key_file: file("client.key") }
    }
}

async fn server(extra_config: String) -> Nats {
    Nats::start_with(NatsOptions { extra_config, ..NatsOptions::default() }).await.unwrap()
}

/// Checks that a client can connect and publish.
async fn works(settings: &Settings) {
    let bus = Bus::connect("test", settings).await.unwrap();
    topology(settings).apply(&bus).await.unwrap();
    publish_activity(&bus, [1]).await;
}

async fn refusal(settings: Settings) -> BusError {
    Bus::connect("test", &Settings { connect_seconds: 1, ..settings }).await.unwrap_err()
}

#[tokio::test]
async fn both_sides_verify_certificates() {
    let certificates = Certificates::make();
    let nats = server(certificates.config()).await;
    let plain = settings(nats.url());
    works(&Settings { tls: certificates.client(), ..plain.clone() }).await;

    let anonymous = Tls { ca_file: Some(certificates.file("ca.pem")), ..Tls::default() };
    refusal(Settings { tls: anonymous, ..plain.clone() }).await;
    let stranger = Tls { ca_file: Some(Certificates::make().file("ca.pem")), ..certificates.client() };
    refusal(Settings { tls: stranger, ..plain }).await;
}

#[tokio::test]
async fn a_token_authenticates() {
    let nats = server("authorization { token: right }".to_owned()).await;
    let with = |token: &str| {
        let auth = Auth { token: Some(SecretString::from(token)), ..Auth::default() };
        Settings { auth, ..settings(nats.url()) }
    };
    works(&with("right")).await;
    let error = refusal(with("wrong")).await;
    assert!(!format!("{error:?}").contains("wrong"));
    refusal(settings(nats.url())).await;
}

#[tokio::test]
async fn credentials_of_an_operator_authenticate() {
    let (operator, account, user) = (KeyPair::new_operator(), KeyPair::new_account(), KeyPair::new_user());
    let system = KeyPair::new_account();
    let unlimited = json!({
        "subs": -1, "data": -1, "payload": -1, "imports": -1, "exports": -1, "wildcards": true, "conn": -1, "leaf": -1,
        "mem_storage": -1, "disk_storage": -1, "streams": -1, "consumer": -1,
    });
    let of_account = token(&operator, &account, json!({ "limits": unlimited, "type": "account", "version": 2 }));
    let no_streams =
        json!({ "limits": { "subs": -1, "conn": -1, "data": -1, "payload": -1 }, "type": "account", "version": 2 });
    let of_system = token(&operator, &system, no_streams);
    let of_operator =
        token(&operator, &operator, json!({ "type": "operator", "version": 2, "system_account": system.public_key() }));
    let of_user =
        token(&account, &user, json!({ "subs": -1, "data": -1, "payload": -1, "type": "user", "version": 2 }));
    let nats = server(format!(
        "operator: {of_operator}\nresolver: MEMORY\nresolver_preload {{ {}: {of_account}, {}: {of_system} }}",
        account.public_key(),
        system.public_key(),
    ))
    .await;

    let folder = TempDir::new().unwrap();
    let with = |file: PathBuf| {
        let auth = Auth { creds_file: Some(file), ..Auth::default() };
        Settings { auth, ..settings(nats.url()) }
    };
    works(&with(credentials(folder.path(), "right", &of_user, &user))).await;
    let error = refusal(with(credentials(folder.path(), "wrong", &of_user, &KeyPair::new_user()))).await;
    assert!(matches!(error, BusError::Connect { .. }), "{error:?}");
    let error = refusal(with(folder.path().join("absent"))).await;
    assert!(matches!(error, BusError::Connect { .. }), "{error:?}");
}

#[tokio::test]
async fn a_key_is_changed_without_a_restart() {
    let (first, second) = (KeyPair::new_user(), KeyPair::new_user());
    let users = [&first, &second].map(|key| format!("{{ nkey: {} }}", key.public_key())).join(", ");
    let mut nats = server(format!("authorization {{ users: [{users}] }}")).await;
    let folder = TempDir::new().unwrap();
    let seed = folder.path().join("seed");
    std::fs::write(&seed, first.seed().unwrap()).unwrap();
    let auth = Auth { nkey_seed_file: Some(seed.clone()), ..Auth::default() };
    let settings = Settings { auth, ..settings(nats.url()) };
    let bus = Bus::connect("test", &settings).await.unwrap();
    topology(&settings).apply(&bus).await.unwrap();
    assert!(connections(&nats).await.contains(&first.public_key()));

    std::fs::write(&seed, second.seed().unwrap()).unwrap();
    nats.restart().await.unwrap();
    publish_activity(&bus, [1]).await;
    let connections = connections(&nats).await;
    assert!(connections.contains(&second.public_key()) && !connections.contains(&first.public_key()), "{connections}");
}

/// Returns the connections, from the server's monitoring.
async fn connections(nats: &Nats) -> String {
    let address = nats.monitoring_url().replace("http://", "");
    let mut stream = TcpStream::connect(address).await.unwrap();
    stream.write_all(b"GET /connz?auth=1 HTTP/1.0\r\n\r\n").await.unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.unwrap();
    answer
}

/// Writes a credentials file as `nsc` does.
fn credentials(folder: &Path, name: &str, jwt: &str, key: &KeyPair) -> PathBuf {
    let file = folder.join(name);
    let text = format!(
        "-----BEGIN NATS USER JWT-----\n{jwt}\n------END NATS USER JWT------\n\n\
         -----BEGIN USER NKEY SEED-----\n{}\n------END USER NKEY SEED------\n",
        key.seed().unwrap()
    );
    std::fs::write(&file, text).unwrap();
    file
}

/// Returns a JWT about `subject`, signed by `issuer`.
fn token(issuer: &KeyPair, subject: &KeyPair, nats: Value) -> String {
    use base64::Engine;
    let encode = |bytes: &[u8]| base64::engine::general_purpose::URL_SAFE_NO_PAD.encode(bytes);
    let claims = json!({
        "jti": subject.public_key(), "iat": 1_700_000_000, "iss": issuer.public_key(), "name": "test",
        "sub": subject.public_key(), "nats": nats,
    });
    let header = json!({ "typ": "JWT", "alg": "ed25519-nkey" });
    let signed = format!("{}.{}", encode(header.to_string().as_bytes()), encode(claims.to_string().as_bytes()));
    let signature = issuer.sign(signed.as_bytes()).unwrap();
    format!("{signed}.{}", encode(&signature))
}
