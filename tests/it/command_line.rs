//! Exit codes and usage, as a shell sees them.

use crate::kit::command;
use servers::Postgres;
use std::process::Stdio;
use store::{Settings, Store};

struct Ended {
    code: Option<i32>,
    out: String,
    error: String,
}

async fn run(url: &str, arguments: &[&str]) -> Ended {
    let mut command = command(arguments);
    let output = command.env("ORGWATCH_POSTGRES__URL", url).output().await.unwrap();
    let [out, error] = [output.stdout, output.stderr].map(|bytes| String::from_utf8(bytes).unwrap());
    Ended { code: output.status.code(), out, error }
}

#[tokio::test]
async fn wrong_usage_ends_with_2_and_says_what_is_needed() {
    for (arguments, expected) in [
        (
            &["export"][..],
            "name what to write: --incidents FILE, --findings FILE or --decisions FILE; `export -` writes",
        ),
        (&["export", "--incidents", "-", "--findings", "-"], "findings and incidents cannot both be written to -"),
        (&["export", "-", "--decisions", "-"], "incidents and decisions cannot both be written to -"),
        (&["export", "-", "--incidents", "b"], "cannot be used with"),
        (&["suppress", "add", "--org", "00D000000000001", "--reason", "a"], "would hide every finding of the org"),
        (&["dev", "--incidents", "-"], "`dev` prints to standard output itself"),
        (&["org", "remove"], "<ORG>"),
        (&["org", "remove", "00D000000000001", "--as", ""], "must have 1 to 100 characters"),
        (&["partition", "forget", "many"], "many"),
        (&["no-such-command"], "no-such-command"),
        (&[], "Usage"),
    ] {
        let ended = run("", arguments).await;
        assert_eq!(ended.code, Some(2), "{arguments:?}: {}", ended.error);
        assert!(ended.error.contains(expected), "{arguments:?}: {}", ended.error);
    }
}

#[tokio::test]
async fn what_is_done_ends_with_0_and_what_failed_with_1() {
    let postgres = Postgres::start().await.unwrap();
    let url = postgres.url();
    let folder = tempfile::tempdir().unwrap();
    let broken = folder.path().join("broken.toml");
    std::fs::write(&broken, "no_such_key = 1").unwrap();
    for (arguments, code) in [
        (&["export", "-"][..], 1),
        (&["migrate"], 0),
        (&["export", "-"], 0),
        (&["sources", "status"], 0),
        (&["verify"], 0),
        (&["verify", "00000000-0000-0000-0000-000000000001"], 1),
        (&["config", "show"], 0),
        (&["--config", broken.to_str().unwrap(), "config", "show"], 1),
        (&["org", "remove", "00D000000000001"], 1),
        (&["partition", "forget", "32"], 1),
        (&["--help"], 0),
    ] {
        let ended = run(&url, arguments).await;
        assert_eq!(ended.code, Some(code), "{arguments:?}: {}", ended.error);
        assert_eq!(ended.error.is_empty(), code == 0, "{arguments:?}: {}", ended.error);
    }
    assert!(run(&url, &["--help"]).await.out.contains("Exit codes: 0 done, 1 failed"));
}

#[tokio::test]
async fn an_unknown_org_is_not_removed_and_the_trail_has_the_login_and_the_claim() {
    let postgres = Postgres::start().await.unwrap();
    let settings = Settings { url: postgres.url().into(), ..Settings::default() };
    let store = Store::connect(&settings, "test").await.unwrap();
    store.migrate().await.unwrap();
    let org = model::OrgId::new("00D000000000001");
    let remove = ["org", "remove", org.as_str(), "--as", "Emma of the night shift"];
    let ended = run(&postgres.url(), &remove).await;
    let expected = format!("orgwatchd: org {org} is unknown: Postgres holds nothing of it, so nothing was removed\n");
    assert_eq!((ended.code, ended.error), (Some(1), expected));
    assert_eq!(store.audit_page(None, 10).await.unwrap().entries, []);

    store.put_position("pubsub", &org, &serde_json::json!({})).await.unwrap();
    let ended = run(&postgres.url(), &remove).await;
    assert_eq!((ended.code, ended.error.as_str()), (Some(0), ""));
    let printed: serde_json::Value = serde_json::from_str(&ended.out).unwrap();
    let shown = (&printed["actor"], &printed["claimed_by"], &printed["deleted"]["sources"]);
    assert_eq!(shown, (&"postgres".into(), &"Emma of the night shift".into(), &1.into()));
    let entry = store.audit_page(None, 10).await.unwrap().entries.remove(0);
    assert_eq!((entry.actor.as_str(), entry.claimed_by.as_deref()), ("postgres", Some("Emma of the night shift")));
    assert_eq!((entry.action.as_str(), entry.subject.as_str()), ("org removed", org.as_str()));
    assert_eq!(run(&postgres.url(), &remove).await.code, Some(1));
}

#[tokio::test]
async fn a_closed_pipe_ends_an_export_quietly() {
    let postgres = Postgres::start().await.unwrap();
    assert_eq!(run(&postgres.url(), &["migrate"]).await.code, Some(0));
    let mut export = command(&["export", "-"]);
    export.env("ORGWATCH_POSTGRES__URL", postgres.url()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = export.spawn().unwrap();
    drop(child.stdout.take());
    let output = child.wait_with_output().await.unwrap();
    assert_eq!((output.status.code(), String::from_utf8_lossy(&output.stderr).as_ref()), (Some(0), ""));
}
