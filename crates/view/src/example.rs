//! An example report: ordinary incidents, and some that are hard to lay out.

use crate::report::Report;
use engine::FirstTimes;
use model::time::{DAY, HOUR, MINUTE};
use model::{
    Contribution, Finding, Incident, Measure, OrgId, Severity, Surface, Timestamp, UserClass, UserId, Uuid, id,
};

pub(crate) struct Example {
    pub(crate) incidents: Vec<Incident>,
    pub(crate) first_exports: FirstTimes,
    pub(crate) first_objects: FirstTimes,
}

impl Example {
    pub(crate) fn new() -> Self {
        let mut incidents = vec![emma(), takeover(), integration(), withdrawn()];
        incidents.sort_by_key(|incident| std::cmp::Reverse(incident.risk_score));
        Self { incidents, first_exports: first_times(9), first_objects: first_times(14) }
    }

    pub(crate) fn report(&self) -> Report<'_> {
        let text = |text: &str| text.to_owned();
        Report {
            title: "Backtest of acme-production",
            from: day("2026-01-01"),
            to: day("2026-03-04"),
            incidents: &self.incidents,
            first_exports: &self.first_exports,
            first_objects: &self.first_objects,
            reading: vec![(text("files read"), 62), (text("events"), 1_204_311), (text("accounts"), 412)],
            unscoreable: vec![
                (text("rare_network"), text("no baseline"), 212),
                (text("row_spike"), text("the record has no rows"), 1_930),
            ],
            skipped: vec![(text("2026-02-11_Login.csv.gz"), text("line 1: no column USER_ID"))],
            rejects: vec![
                (
                    text("no time: TIMESTAMP_DERIVED is not a time"),
                    text("first in 2026-02-12_Login.csv line 9: \"yesterday\""),
                    14,
                ),
                (text("no user: UserId and Username are missing"), text("first in 2026-02-12_Login.csv line 40"), 2),
            ],
            unread: vec![(text("ROWS_PROCESSED"), 1_200)],
            not_watched: vec![(text("LightningError"), 3_400)],
            remarks: vec![text("Type ListViewEvent from the name of the file: 12.")],
        }
    }
}

/// Returns a report of these incidents and nothing else.
pub(crate) fn only<'a>(incidents: &'a [Incident], none: &'a FirstTimes) -> Report<'a> {
    Report {
        title: "Backtest",
        from: day("2026-01-01"),
        to: day("2026-03-04"),
        incidents,
        first_exports: none,
        first_objects: none,
        reading: vec![],
        unscoreable: vec![],
        skipped: vec![],
        rejects: vec![],
        unread: vec![],
        not_watched: vec![],
        remarks: vec![],
    }
}

pub(crate) fn day(date: &str) -> Timestamp {
    Timestamp::parse(date).expect("a date")
}

/// Returns fixed settings, so that the page does not change with the defaults.
pub(crate) fn settings() -> risk::Settings {
    const WEIGHTS: [(&str, f64, &str); 9] = [
        ("row_spike", 0.70, "volume"),
        ("view_burst", 0.60, "volume"),
        ("bulk_export", 0.75, "volume"),
        ("scope_increase", 0.60, "novelty"),
        ("new_access", 0.60, "novelty"),
        ("rare_network", 0.50, "identity"),
        ("rare_user_agent", 0.50, "identity"),
        ("session_hijack", 0.75, "identity"),
        ("off_hours", 0.40, "time"),
    ];
    let weight = |(detector, weight, group): (&str, f64, &str)| {
        (detector.to_owned(), risk::Weight { weight, group: group.to_owned() })
    };
    risk::Settings {
        model: model::RiskModel::NoisyOr,
        half_life_hours: 168.0,
        damping: 0.5,
        corroboration: 1.15,
        both_kinds: 1.0,
        weights: WEIGHTS.map(weight).into(),
        sensitivity: [].into(),
        classes: [].into(),
        ..risk::Settings::default()
    }
}

/// Returns an incident with the receipt that risk computes.
pub(crate) fn incident(findings: Vec<Finding>, settings: &risk::Settings) -> Incident {
    let first = findings.first().expect("a finding").clone();
    let receipt = risk::receipt(&findings, settings, &"3f9a1c".into(), &risk::Decisions::default());
    Incident {
        incident_id: id::incident_id(&first.org_id, &first.user_id, first.finding_id),
        revision: 1,
        severity: receipt.risk_score.severity(),
        risk_score: receipt.risk_score,
        first_event_at: first.observed_at,
        last_event_at: findings.iter().map(|finding| finding.revised_at).max().unwrap_or(first.observed_at),
        org_id: first.org_id,
        user_id: first.user_id,
        username: first.username,
        user_class: first.user_class,
        findings,
        receipt,
        disposition: None,
    }
}

pub(crate) fn finding(user: &str, detector: &str, score: f64, at: Timestamp, summary: &str) -> Finding {
    let (org_id, user_id) = (OrgId::new("00Dhn0000018hrcMAU"), UserId::new(&format!("005-{user}")));
    Finding {
        finding_id: id::finding_id(&org_id, &user_id, detector, "", at),
        revision: 1,
        org_id,
        user_id,
        username: Some(format!("{user}@acme.example").into()),
        user_class: UserClass::Normal,
        detector: detector.into(),
        severity: Severity::of_score(score),
        score,
        anomaly_score: score / 10.0,
        confidence: 0.86,
        surprise: score * 0.9,
        observed_at: at,
        revised_at: at,
        summary: summary.to_owned(),
        features: vec![],
        measures: vec![],
        event_ids: vec![],
        objects: vec![],
        surface: None,
        withdrawn: false,
        config_hash: "3f9a1c".into(),
        addresses: Vec::new(),
        resource_id: None,
        resource_name: None,
        client: None,
        app: None,
        precision: None,
        evidence: Vec::new(),
    }
}

fn emma() -> Incident {
    let at = Timestamp::parse("2026-03-02T14:31:52.867Z").expect("a time");
    let spike = Finding {
        features: features(&[("rowCount", "4151", 6_200), ("hourlyRowCount", "4032", 3_800)]),
        measures: measures(&[("baseline_days", 30.0), ("mean", 99.0), ("rows", 4_151.0), ("z", 111.207)]),
        event_ids: (1..=17).map(|n| Uuid::from_u128(0x6ef9_0000 + n)).collect(),
        objects: vec!["Account".into(), "Contact".into(), "Opportunity".into()],
        surface: Some(Surface::ListView),
        revised_at: at.plus(4 * HOUR),
        ..finding(
            "emma.martin",
            "row_spike",
            10.0,
            at,
            "Read 4,151 rows through list views; a usual day is 99 ± 36 (z 111)",
        )
    };
    let scope = Finding {
        features: features(&[("toView", "AllContacts", 7_000), ("peerShare", "0.04", 3_000)]),
        objects: vec!["Contact".into()],
        ..finding(
            "emma.martin",
            "scope_increase",
            8.0,
            at,
            "From the scoped view My_Contacts to the broad view AllContacts on Contact",
        )
    };
    let burst = finding("emma.martin", "view_burst", 8.0, at.plus(MINUTE), "11 requests in 58.1 s");
    let access = Finding {
        objects: vec!["Case".into()],
        ..finding("emma.martin", "new_access", 7.0, at.plus(HOUR), "Case, never accessed before, brought 250 rows")
    };
    let with_modifiers = risk::Settings {
        sensitivity: [("Contact".to_owned(), 1.5)].into(),
        classes: [(UserClass::Normal, 0.8)].into(),
        ..settings()
    };
    incident(vec![spike, scope, burst, access], &with_modifiers)
}

fn takeover() -> Incident {
    let at = day("2026-02-24").plus(3 * HOUR);
    let network = finding(
        "jonas.weber",
        "rare_network",
        6.5,
        at,
        "First login from AS9009 (M247), Romania; known to 0 % of the org",
    );
    let agent = finding("jonas.weber", "rare_user_agent", 6.1, at, "First time with python-requests");
    let hijack = finding(
        "jonas.weber",
        "session_hijack",
        7.4,
        at.plus(2 * HOUR),
        "The session continued from another network and client",
    );
    incident(vec![network, agent, hijack], &settings())
}

fn integration() -> Incident {
    let at = day("2026-02-18").plus(11 * HOUR);
    let bulk = Finding {
        user_class: UserClass::Integration,
        ..finding(
            "svc-warehouse",
            "bulk_export",
            6.2,
            at,
            "Downloaded 9 bulk results or files in a day; a usual day has 4",
        )
    };
    incident(vec![bulk], &settings())
}

fn withdrawn() -> Incident {
    let at = day("2026-01-30").plus(9 * HOUR);
    let hours = finding("li.na", "off_hours", 5.0, at, "Active on Friday at 03:00");
    let explained = Finding {
        withdrawn: true,
        ..finding("li.na", "row_spike", 4.2, at, "Read 900 rows through reports; the org's day was 3.1 times the usual")
    };
    Incident { findings: vec![hours.clone(), explained], ..incident(vec![hours], &settings()) }
}

/// A learning phase, weekly habits, and one leaver.
fn first_times(leaver: u32) -> FirstTimes {
    let mut times = FirstTimes::default();
    let start = day("2026-01-01");
    for user in 0..46u32 {
        let (id, name) = (UserId::new(&format!("005-{user:02}")), format!("user.{user:02}@acme.example"));
        for n in 0..62u32 {
            let learning = if n < 10 { (user * 7 + n * 3) % 6 } else { 0 };
            let habit = if n % 7 == user % 5 { (user + n) % 3 } else { 0 };
            times.note(&id, Some(&name), start.plus(i64::from(n) * DAY), learning + habit);
        }
    }
    times.note(&UserId::new("005-emma.martin"), Some("emma.martin@acme.example"), day("2026-01-06"), 2);
    times.note(&UserId::new("005-emma.martin"), Some("emma.martin@acme.example"), day("2026-03-02"), leaver);
    times
}

fn features(of: &[(&str, &str, u32)]) -> Vec<Contribution> {
    let feature = |(name, value, share): &(&str, &str, u32)| Contribution {
        name: (*name).into(),
        value: (*value).into(),
        share: *share,
    };
    of.iter().map(feature).collect()
}

fn measures(of: &[(&str, f64)]) -> Vec<Measure> {
    of.iter().map(|(name, value)| Measure { name: (*name).into(), value: *value }).collect()
}
