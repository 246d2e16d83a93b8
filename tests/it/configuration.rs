//! `config check` refuses what services refuse, and `config show` shows no secret.

use crate::kit::command;

/// Runs a command with a configuration. Returns whether it succeeded, and what it printed.
async fn run(text: &str, arguments: &[&str]) -> (bool, String) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("orgwatchd.toml");
    std::fs::write(&path, text).unwrap();
    let output = command(&[&["--config", path.to_str().unwrap()], arguments].concat()).output().await.unwrap();
    (output.status.success(), String::from_utf8([output.stdout, output.stderr].concat()).unwrap())
}

const DATABASE: &str = "postgres.url = \"postgres://me:hidden@host/orgwatch\"\n";
const TOKEN: &str = "a-token-that-is-long-enough";

#[tokio::test]
async fn check_refuses_what_services_refuse() {
    let org = |id: &str, token: &str| format!("[ingest.orgs.\"{id}\"]\ntokens = [\"{token}\"]\n");
    let good = org("00Dhn0000018hrcEAA", TOKEN);
    assert_eq!(run(&format!("{DATABASE}{good}"), &["config", "check"]).await, (true, String::new()));
    let cases = [
        (good.clone(), "postgres.url"),
        (format!("{DATABASE}{}", org("00Dhn0000018hrcEAA", "short")), "fewer than 16"),
        (format!("{DATABASE}{good}{}", org("00Dhn0000018hrd", TOKEN)), "a token in common"),
        (format!("{DATABASE}{good}{}", org("00Dhn0000018hrc", "another-token-of-the-org")), "is the same org as"),
        (format!("{DATABASE}{}", org("acme", TOKEN)), "must be the id of an org"),
        (format!("{DATABASE}[ingest.orgs.00Dhn0000018hrcEAA]\n"), "no token is given"),
        (format!("{DATABASE}[orgs.acme]\nmerge_hours = 3\n"), "must be the id of an org"),
        (format!("{DATABASE}[notifier.destinations.soc]\nkind = \"slack\"\n"), "url"),
        (format!("{DATABASE}ingest.files.paths = [\"/nowhere/events\"]\n"), "ingest.files.paths: /nowhere/events: "),
        (
            format!(
                "{DATABASE}ingest.salesforce.asn_database = \"/nowhere/asn\"\n{}",
                salesforce("client_secret = \"s\"")
            ),
            "ingest.salesforce.asn_database: /nowhere/asn: ",
        ),
        (
            format!("{DATABASE}{}", salesforce("username = \"me\"\nprivate_key = \"no key\"")),
            "acme.connection.private_key: ",
        ),
    ];
    for (text, expect) in cases {
        let (is_valid, said) = run(&text, &["config", "check"]).await;
        assert!(!is_valid && said.contains(expect) && !said.contains(TOKEN), "{text}: {said}");
    }
    let missing = format!("{DATABASE}[ingest.orgs.00Dhn0000018hrcEAA]\ntoken_files = [\"/nowhere/token\"]\n");
    let (is_valid, said) = run(&missing, &["config", "check"]).await;
    assert!(is_valid && said.contains("/nowhere/token"), "ingest starts, and says so: {said}");
    let missing = format!("{DATABASE}{}", salesforce("client_secret_file = \"/nowhere/secret\""));
    let (is_valid, said) = run(&missing, &["config", "check"]).await;
    assert!(is_valid && said.contains("connection.client_secret_file: /nowhere/secret"), "the same of an org: {said}");
}

/// Returns an org at Salesforce with these keys of its connection.
fn salesforce(connection: &str) -> String {
    format!(
        "[ingest.salesforce.orgs.acme]\norg_id = \"00Dhn0000018hrcEAA\"\n[ingest.salesforce.orgs.acme.connection]\n\
         login_url = \"https://acme.my.salesforce.com\"\nclient_id = \"key\"\n{connection}\n"
    )
}

#[tokio::test]
async fn show_shows_no_secret() {
    let text = format!(
        "{DATABASE}nats.servers = [\"nats://me:hidden@one:4222\", \"nats://hidden@two:4222\"]\n\
         telemetry.otlp_endpoint = \"https://me:hidden@collector:4318/v1?key=hidden\"\n\
         notifier.console_url = \"https://console.example.com/?sid=hidden\"\n\
         [ingest.orgs.00Dhn0000018hrcEAA]\ntokens = [\"hidden-token-of-the-org\"]\n\
         [notifier.destinations.soc]\nkind = \"slack\"\nurl = \"https://hooks.slack.com/services/hidden\"\n"
    );
    let (shown, said) = run(&text, &["config", "show"]).await;
    assert!(shown && !said.contains("hidden"), "{said}");
    assert!(said.contains("nats://***@one:4222") && said.contains("https://***@collector:4318/v1?***"), "{said}");
}
