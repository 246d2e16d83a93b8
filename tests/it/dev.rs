//! `orgwatchd dev`, as the person at the keyboard sees it.

use crate::kit::{PATIENCE, backtest, command, eventually, org, org_id};
use model::Timestamp;
use settings::Settings;
use std::fs::Permissions;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::Stdio;
use tempfile::TempDir;
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::process::Child;

/// A folder for temporary files, which the account of Postgres may enter.
fn temporary() -> TempDir {
    tempfile::Builder::new().permissions(Permissions::from_mode(0o755)).tempdir().unwrap()
}

#[tokio::test]
async fn a_run_shows_where_everything_is_and_ends_with_what_it_found() {
    let folder = temporary();
    let input = folder.path().join("events.ndjson");
    // As stored events, which name no org.
    let text = String::from_utf8(org(1, 25, 21)).unwrap();
    let named = format!("\"ORGANIZATION_ID\":\"{}\",", org_id(1));
    std::fs::write(&input, text.replace(&named, "")).unwrap();
    let incidents = folder.path().join("incidents.ndjson");
    let learn_until = "2026-01-17T00:00:00.000Z";
    let arguments = ["dev", "--input", input.to_str().unwrap(), "--learn-until", learn_until, "--incidents"];
    let mut command = command(&[&arguments[..], &[incidents.to_str().unwrap()]].concat());
    let output = command.env("ORGWATCH_LOG", "info").output().await.unwrap();
    let [out, error] = [output.stdout, output.stderr].map(|bytes| String::from_utf8(bytes).unwrap());
    assert!(output.status.success(), "{error}");
    assert!(out.contains("INFO") && !out.contains('\x1b') && !error.contains('\x1b'), "{out}");
    for part in ["/v1/events", "/livez", "org unnamed-org", "postgres://postgres@127.0.0.1:", "Ctrl-C stops it"] {
        assert!(error.contains(part), "{part} is missing in:\n{error}");
    }
    let written = std::fs::read_to_string(&incidents).unwrap().lines().count();
    let expected = backtest(&input, Settings::default(), Timestamp::parse(learn_until).unwrap());
    assert!(written > 0 && written == expected.incidents.len(), "{written} {}", expected.incidents.len());
    let events = text.lines().count();
    let end = format!("Everything is played: {events} events, {written} incidents, ");
    assert!(error.contains(&end), "{end} is missing in:\n{error}");
}

#[tokio::test]
async fn a_second_interrupt_leaves_nothing_behind() {
    let folder = temporary();
    let mut command = command(&["dev"]);
    command.env("TMPDIR", folder.path()).stdout(Stdio::null()).stderr(Stdio::piped());
    let mut dev = command.spawn().unwrap();
    let mut lines = BufReader::new(dev.stderr.take().unwrap()).lines();
    let mut next = async |part: &str| loop {
        let line = tokio::time::timeout(PATIENCE, lines.next_line()).await.unwrap().unwrap();
        if line.unwrap_or_else(|| panic!("ended before {part:?}")).contains(part) {
            return;
        }
    };
    // All services run then.
    next(" events played").await;
    let servers = children(&dev);
    assert_eq!(servers.len(), 2, "a nats-server and a Postgres");
    assert!(files(folder.path()) >= 3, "the servers' folders and that of the simulated org");
    // A server that hangs keeps the services from stopping in order.
    servers.iter().for_each(|server| signal("STOP", *server));
    signal("INT", dev.id().unwrap());
    next("Stopping").await;
    signal("INT", dev.id().unwrap());
    let status = tokio::time::timeout(PATIENCE, dev.wait()).await.unwrap().unwrap();
    assert_eq!(status.code(), Some(130));
    assert_eq!(files(folder.path()), 0);
    for server in servers {
        assert!(!Path::new(&format!("/proc/{server}")).exists(), "{server} still runs");
    }
}

#[tokio::test]
async fn an_interrupt_while_services_start_is_no_failure() {
    let folder = temporary();
    let mut command = command(&["dev"]);
    command.env("TMPDIR", folder.path()).stdout(Stdio::null()).stderr(Stdio::piped());
    let mut dev = command.spawn().unwrap();
    let mut lines = BufReader::new(dev.stderr.take().unwrap()).lines();
    while !lines.next_line().await.unwrap().unwrap().starts_with("Ctrl-C") {}
    signal("INT", dev.id().unwrap());
    let mut rest = Vec::new();
    while let Some(line) = lines.next_line().await.unwrap() {
        rest.push(line);
    }
    let status = tokio::time::timeout(PATIENCE, dev.wait()).await.unwrap().unwrap();
    assert_eq!((status.code(), files(folder.path())), (Some(0), 0), "{rest:#?}");
}

#[tokio::test]
async fn an_interrupt_during_the_start_leaves_nothing_behind() {
    let folder = temporary();
    let mut command = command(&["dev"]);
    let mut dev = command.env("TMPDIR", folder.path()).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
    eventually("the first folder of a server", async || (files(folder.path()) > 0).then_some(())).await;
    signal("INT", dev.id().unwrap());
    let status = tokio::time::timeout(PATIENCE, dev.wait()).await.unwrap().unwrap();
    assert_eq!((status.code(), files(folder.path())), (Some(0), 0));
}

fn files(folder: &Path) -> usize {
    std::fs::read_dir(folder).unwrap().count()
}

/// The processes that this one has started and that still run.
fn children(parent: &Child) -> Vec<u32> {
    let parent = parent.id().unwrap();
    let tasks = std::fs::read_dir(format!("/proc/{parent}/task")).unwrap();
    let of_task = |task: std::io::Result<std::fs::DirEntry>| {
        let children = std::fs::read_to_string(task.unwrap().path().join("children")).unwrap_or_default();
        children.split_whitespace().map(|child| child.parse().unwrap()).collect::<Vec<u32>>()
    };
    tasks.flat_map(of_task).collect()
}

fn signal(name: &str, process: u32) {
    let mut kill = std::process::Command::new("kill");
    assert!(kill.args([format!("-{name}"), process.to_string()]).status().unwrap().success());
}
