//! Public sets of behavior with labels that nobody here made, as stored events.
//!
//! *Takeover*: the simulated card transactions of the Fraud Detection Handbook. A customer is a user, a terminal a list
//! view, and an amount its rows. To be found are the days of customers with stolen cards (scenario 3), from day 60 on,
//! among days without any fraud.
//!
//! *Masquerade*: the commands of real people, with segments of 100 in which somebody else typed (as of Schonlau and others,
//! "Computer intrusion: detecting masquerades", Statistical Science 16, 2001). A segment is a day of its user. To be found
//! are the segments of others among those that are labeled. A command is the list view of one object, the object of a list
//! view, or the object that the API reads.

use crate::on_all_cores;
use crate::worlds::Feed;
use chrono::{DateTime, SecondsFormat};
use engine::DayScores;
use engine::evaluate::Alert;
use engine::ranking::Ranking;
use lzma_rust2::XzReader;
use model::time::DAY;
use model::{Timestamp, UserId};
use serde_json::json;
use std::collections::BTreeMap;
use std::fs::File;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};

const ORG: &str = "00D000000000001EAA";
/// Start of the first day of either set: 2026-01-01, a Thursday.
const START: Timestamp = Timestamp(1_767_225_600_000);
/// Days of the takeover set that only build profiles.
const TAUGHT: i64 = 60;
/// Segments of the masquerade set that only build profiles.
const TAUGHT_SEGMENTS: i64 = 50;
const COMMANDS_A_DAY: usize = 100;
/// Text that is taken in at once.
const PIECE: usize = 1 << 20;

/// What a command of the masquerade set becomes.
#[derive(Clone, Copy, Debug)]
enum Command {
    View,
    Object,
    Api,
}

/// A set to run over.
enum Set {
    Takeover(PathBuf),
    Masquerade { commands: PathBuf, labels: PathBuf, command: Command },
}

/// A user by number, and a day since the start.
type UserDay = (u64, i64);

/// What was found in a set: the highest risk by user and day.
struct Found {
    incidents: BTreeMap<UserDay, f64>,
    scores: BTreeMap<UserDay, f64>,
    article: BTreeMap<UserDay, f64>,
}

/// Prints how well the days of attacks are ranked. A set that the folder does not have is left out.
pub(crate) fn measure(folder: &Path) {
    let mut sets: Vec<Set> = named(folder, "handbook-", ".csv.xz").into_iter().map(Set::Takeover).collect();
    let (commands, labels) = (folder.join("masquerade.txt.xz"), folder.join("masquerade-labels.csv"));
    if commands.exists() && labels.exists() {
        for command in [Command::View, Command::Object, Command::Api] {
            sets.push(Set::Masquerade { commands: commands.clone(), labels: labels.clone(), command });
        }
    }
    assert!(!sets.is_empty(), "no sets in {}", folder.display());
    let done = on_all_cores(&sets, |_, set| set.run());
    println!(
        "\n| set | by | attacked | of user-days | AUC | AP | recall at .1 % | at 1 % false |\n|---|---|---|---|---|---|---|---|"
    );
    for (set, (found, cases)) in sets.iter().zip(&done) {
        let name = set.name();
        for (by, risks) in [("incidents", &found.incidents), ("scores", &found.scores), ("article", &found.article)] {
            let scored = cases.iter().map(|(day, is_attack)| (risks.get(day).copied().unwrap_or_default(), *is_attack));
            let ranking = Ranking::of(scored.collect());
            println!(
                "| {name} | {by} | {} | {} | {:.3} | {:.3} | {:.3} | {:.3} |",
                ranking.positives,
                ranking.cases,
                ranking.auc,
                ranking.average_precision,
                ranking.recall_at_a_thousandth,
                ranking.recall_at_a_hundredth,
            );
        }
    }
}

impl Set {
    fn name(&self) -> String {
        match self {
            Self::Takeover(_) => "takeover".to_owned(),
            Self::Masquerade { command, .. } => format!("masquerade, {command:?}").to_lowercase(),
        }
    }

    fn run(&self) -> (Found, Vec<(UserDay, bool)>) {
        match self {
            Self::Takeover(file) => takeover_found(file),
            Self::Masquerade { commands, labels, command } => (masquerade_found(commands, *command), segments(labels)),
        }
    }
}

/// Runs over the transactions of a file. Returns also the days to rank, and whether there was a takeover.
fn takeover_found(file: &Path) -> (Found, Vec<(UserDay, bool)>) {
    let mut feed = Feed::new(ORG, None);
    let mut text = Vec::new();
    // Whether a day has takeovers, and whether it has other frauds.
    let mut days: BTreeMap<UserDay, (bool, bool)> = BTreeMap::new();
    for (number, line) in lines(file).enumerate().skip(1) {
        let fields: Vec<&str> = line.split(',').collect();
        let [second, customer, terminal, amount, scenario] = fields.try_into().unwrap();
        let (at, user) = (START.plus(second.parse::<i64>().unwrap() * 1_000), customer.parse().unwrap());
        let view = (format!("T{terminal}"), amount.parse::<f64>().unwrap().round());
        let event = Event { number, at, user, session: format!("s{user}") };
        event.write(&mut text, "Account", &view.0, view.1);
        let day = day_of(at);
        if day >= TAUGHT {
            let (takeover, other) = days.entry((user, day)).or_default();
            *takeover |= scenario == "3";
            *other |= !matches!(scenario, "0" | "3");
        }
        if text.len() > PIECE {
            feed.push(&text);
            text.clear();
        }
    }
    feed.push(&text);
    let cases = days.into_iter().filter(|(_, (takeover, other))| *takeover || !other);
    (found(feed), cases.map(|(day, (takeover, _))| (day, takeover)).collect())
}

/// Runs over the commands of a file.
fn masquerade_found(file: &Path, becomes: Command) -> Found {
    let mut seen: BTreeMap<u64, usize> = BTreeMap::new();
    let mut typed = Vec::new();
    for line in lines(file) {
        let (user, command) = line.split_once(' ').unwrap();
        let user: u64 = user.parse().unwrap();
        let count = seen.entry(user).or_default();
        let (day, of_day) = ((*count / COMMANDS_A_DAY) as i64, (*count % COMMANDS_A_DAY) as i64);
        *count += 1;
        // From nine o'clock on, within eight hours.
        let second = day * 86_400 + 9 * 3_600 + of_day * 280;
        typed.push((START.plus(second * 1_000), user, command.to_owned()));
    }
    typed.sort();
    let mut feed = Feed::new(ORG, None);
    let mut text = Vec::new();
    for (number, (at, user, command)) in typed.into_iter().enumerate() {
        let event = Event { number, at, user, session: format!("s{user}-{}", day_of(at)) };
        match becomes {
            Command::View => event.write(&mut text, "Command", &command, 1.0),
            Command::Object => event.write(&mut text, &command, &format!("My{command}"), 1.0),
            Command::Api => event.write_query(&mut text, &command),
        }
        if text.len() > PIECE {
            feed.push(&text);
            text.clear();
        }
    }
    feed.push(&text);
    found(feed)
}

/// Reads the labels: a line for each user with a column for each segment, 1 if another typed it.
fn segments(labels: &Path) -> Vec<(UserDay, bool)> {
    let text = std::fs::read_to_string(labels).unwrap();
    let mut lines = text.lines().map(|line| line.split(',').collect::<Vec<_>>());
    let header = lines.next().unwrap();
    let of_user = |fields: Vec<&str>| -> Vec<(UserDay, bool)> {
        let user = fields.first().unwrap().parse().unwrap();
        let cells =
            header.iter().zip(&fields).skip(1).map(|(segment, label)| (segment.parse().unwrap(), *label == "1"));
        cells
            .filter(|(segment, _)| *segment >= TAUGHT_SEGMENTS)
            .map(|(segment, is_other)| ((user, segment), is_other))
            .collect()
    };
    lines.flat_map(of_user).collect()
}

struct Event {
    number: usize,
    at: Timestamp,
    user: u64,
    session: String,
}

impl Event {
    fn write(&self, text: &mut Vec<u8>, object: &str, view: &str, rows: f64) {
        self.write_with("ListViewEvent", json!({
            "QueriedEntities": object, "DeveloperName": view, "Name": view, "RowsProcessed": rows,
            "EventSource": "Lightning", "Scope": "Mine", "ExecutionIdentifier": format!("x{}", self.number), "Sequence": 1,
        }), text);
    }

    fn write_query(&self, text: &mut Vec<u8>, object: &str) {
        self.write_with("ApiEvent", json!({
            "QueriedEntities": object, "Operation": "Query", "ApiType": "REST", "RowsProcessed": 1.0, "RowsReturned": 1.0,
            "Query": format!("SELECT Id FROM {object}"), "UserAgent": "x/1.0",
        }), text);
    }

    fn write_with(&self, name: &str, mut event: serde_json::Value, text: &mut Vec<u8>) {
        let at = DateTime::from_timestamp_millis(self.at.0).unwrap().to_rfc3339_opts(SecondsFormat::Millis, true);
        let common = json!({
            "attributes": {"type": name}, "EventIdentifier": format!("{:08x}-0000-4000-8000-000000000000", self.number),
            "EventDate": at, "UserId": format!("005{:012}AAA", self.user), "Username": format!("u{}", self.user),
            "SourceIp": "198.51.100.7", "SessionKey": self.session, "LoginKey": self.session,
        });
        event.as_object_mut().unwrap().extend(common.as_object().unwrap().clone());
        serde_json::to_writer(&mut *text, &event).unwrap();
        text.push(b'\n');
    }
}

fn found(feed: Feed) -> Found {
    let (finished, article) = feed.finish();
    let ours: Vec<Alert> = finished.incidents.iter().map(Alert::from).collect();
    let of_day = |day: &DayScores| ((number(&day.user_id), day_of(day.day)), day.risk_score);
    Found {
        incidents: highest(&ours),
        scores: finished.scores.iter().map(of_day).collect(),
        article: highest(&article),
    }
}

/// Returns the highest risk of each day that an alert touches.
fn highest(alerts: &[Alert]) -> BTreeMap<UserDay, f64> {
    let mut risks: BTreeMap<UserDay, f64> = BTreeMap::new();
    for alert in alerts {
        for day in day_of(alert.first)..=day_of(alert.last) {
            let risk = risks.entry((number(&alert.user_id), day)).or_default();
            *risk = alert.risk.max(*risk);
        }
    }
    risks
}

fn number(user: &UserId) -> u64 {
    user.as_str().get(3..15).unwrap().parse().unwrap()
}

fn day_of(at: Timestamp) -> i64 {
    at.since(START).div_euclid(DAY)
}

/// Returns the files of a folder with names that begin and end so, in order.
fn named(folder: &Path, start: &str, end: &str) -> Vec<PathBuf> {
    let fits = |path: &PathBuf| {
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        name.starts_with(start) && name.ends_with(end)
    };
    let entries = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    let mut files: Vec<PathBuf> = entries.filter(fits).collect();
    files.sort();
    files
}

fn lines(file: &Path) -> impl Iterator<Item = String> {
    let packed = BufReader::new(File::open(file).unwrap());
    BufReader::new(XzReader::new(packed, true)).lines().map(Result::unwrap)
}
