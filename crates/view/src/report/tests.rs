//! The rendered page.

use super::{Report, render};
use crate::example::{Example, day, finding, incident, only, settings};
use engine::FirstTimes;
use model::time::HOUR;
use model::{Contribution, Incident, Measure, OrgId, Points, UserId};

fn page(report: &Report) -> String {
    render(report).expect("the templates are sound")
}

/// The text from the first `start` to the next `end`.
fn part<'a>(page: &'a str, start: &str, end: &str) -> &'a str {
    let from = page.find(start).unwrap_or_else(|| panic!("no {start:?}"));
    let rest = &page[from..];
    &rest[..rest.find(end).unwrap_or_else(|| panic!("no {end:?} after {start:?}")) + end.len()]
}

/// The texts between each `start` and the next `end`.
fn all<'a>(page: &'a str, start: &str, end: &str) -> Vec<&'a str> {
    page.split(start).skip(1).filter_map(|rest| rest.split_once(end)).map(|(text, _)| text).collect()
}

fn points(text: &str) -> i32 {
    Points::from_f64(text.replace('−', "-").parse().unwrap_or_else(|_| panic!("no points: {text:?}"))).0
}

#[test]
fn the_head_shows_period_org_severities_and_counts() {
    let page = page(&Example::new().report());
    insta::assert_snapshot!(part(&page, "<header", "</header>"));
}

#[test]
fn a_card_has_the_score_and_its_terms() {
    let page = page(&Example::new().report());
    insta::assert_snapshot!("card_summary", part(&page, "<details class=\"card", "</summary>"));
}

#[test]
fn the_leader_board_has_each_user_once_by_highest_risk() {
    let at = day("2026-02-02");
    let one = |user, score, at| incident(vec![finding(user, "row_spike", score, at, "")], &settings());
    let incidents = [one("a", 9.0, at), one("b", 8.0, at), one("b", 7.0, at.plus(40 * HOUR)), one("c", 6.0, at)];
    let page = page(&only(&incidents, &FirstTimes::default()));
    insta::assert_snapshot!("leaders", part(&page, "<tbody>", "</tbody>"));
}

#[test]
fn set_aside_records_and_unscoreable_verdicts_are_listed() {
    let page = page(&Example::new().report());
    insta::assert_snapshot!(part(&page, "<h2 id=\"set-aside\">", "</section>"));
}

#[test]
fn a_card_has_the_findings_and_one_receipt_without_a_second_bar() {
    let example = Example::new();
    let page = page(&example.report());
    let cards = all(&page, "<details class=\"card", "<p class=\"note");
    assert_eq!(cards.len(), example.incidents.len());
    for (card, incident) in cards.iter().zip(&example.incidents) {
        assert_eq!(card.matches("<li class=\"finding").count(), incident.findings.len());
        let parts = ["<svg class=\"bar\"", "<svg class=\"waterfall\"", "<table class=\"receipt\""];
        assert_eq!(parts.map(|part| card.matches(part).count()), [1, 1, 1]);
    }
}

#[test]
fn the_points_in_the_page_add_up_to_the_score() {
    let example = Example::new();
    let page = page(&example.report());
    let cards = all(&page, "<details class=\"card", "<p class=\"note");
    assert_eq!(cards.len(), example.incidents.len());
    for card in cards {
        let score = points(all(card, "<span class=\"figure\"><b>", "</b>")[0]);
        let (sum, terms) =
            all(card, "points\">", "</td>").split_last().map(|(sum, terms)| (*sum, terms.to_vec())).unwrap();
        assert_eq!(terms.iter().map(|term| points(term)).sum::<i32>(), score);
        assert_eq!(points(sum), score);
        assert!(card.contains("Sum of the points = risk"));
    }
}

#[test]
fn hostile_text_stays_text() {
    const HOSTILE: &str = r#""><script>alert('x')</script>{{ 7 * 7 }}<img src=x onerror=y>"#;
    let hostile = || HOSTILE.to_owned();
    let mut spike = finding("x", HOSTILE, 9.0, day("2026-02-02"), HOSTILE);
    spike.org_id = OrgId::new(HOSTILE);
    spike.user_id = UserId::new(HOSTILE);
    spike.username = Some(HOSTILE.into());
    spike.features = vec![Contribution { name: HOSTILE.into(), value: HOSTILE.into(), share: 10_000 }];
    spike.measures = vec![Measure { name: HOSTILE.into(), value: 1.0 }];
    spike.objects = vec![HOSTILE.into()];
    let mut incidents = [incident(vec![spike], &settings())];
    incidents[0].receipt.config_hash = HOSTILE.into();
    let mut times = FirstTimes::default();
    times.note(&UserId::new("a"), None, day("2026-01-02"), 1);
    times.note(&UserId::new("b"), Some(HOSTILE), day("2026-02-02"), 9);
    let page = page(&Report {
        title: HOSTILE,
        reading: vec![(hostile(), 1)],
        unscoreable: vec![(hostile(), hostile(), 1)],
        skipped: vec![(hostile(), hostile())],
        rejects: vec![(hostile(), hostile(), 1)],
        unread: vec![(hostile(), 1)],
        not_watched: vec![(hostile(), 1)],
        remarks: vec![hostile()],
        ..only(&incidents, &times)
    });
    assert!(!page.contains("<script") && !page.contains("<img"));
    assert!(!page.contains("\"\">") && !page.contains("49"));
    // Escaped in full wherever it stands, in attributes as well.
    let escaped =
        "&#34;&#62;&#60;script&#62;alert(&#39;x&#39;)&#60;/script&#62;{{ 7 * 7 }}&#60;img src=x onerror=y&#62;";
    assert_eq!(page.matches("alert(").count(), page.matches(escaped).count());
    assert_eq!(page.matches(escaped).count(), 36);
}

#[test]
fn the_page_loads_and_runs_nothing() {
    let page = page(&Example::new().report());
    for needle in ["<script", "<link", "<img", "<iframe", "src=", "url(", "@import", "http://", "https://"] {
        assert!(!page.contains(needle), "{needle}");
    }
    assert!(page.contains("content=\"default-src 'none'; style-src 'unsafe-inline'\""));
    assert!(all(&page, "href=\"", "\"").iter().all(|href| href.starts_with('#')));
}

#[test]
fn every_link_has_its_target() {
    let page = page(&Example::new().report());
    for target in all(&page, "href=\"#", "\"") {
        assert_eq!(page.matches(&format!("id=\"{target}\"")).count(), 1, "{target}");
    }
}

#[test]
fn a_day_ahead_of_utc_is_shown() {
    let mut times = FirstTimes::default();
    times.note(&UserId::new("tokyo"), None, day("2026-03-04").plus(-9 * HOUR), 1);
    let page = page(&only(&[], &times));
    assert_eq!(page.matches("title=\"tokyo, 2026-03-04: 1 objects\"").count(), 1);
}

#[test]
fn the_heat_maps_measure_against_all_users_since_the_first_day() {
    let page = page(&Example::new().report());
    let flags = all(&page, "<p class=\"flags\"><b>Red flags:</b> ", "</p>");
    let flag = |n| format!("<span><bdi>emma.martin@acme.example</bdi>, 2026-03-02: <b>{n}</b></span>");
    assert_eq!(flags, [flag(9), flag(14)]);
}

#[test]
fn no_element_has_an_inline_style() {
    assert_eq!(page(&Example::new().report()).matches("style=").count(), 0);
}

#[test]
fn the_same_report_gives_the_same_bytes() {
    assert_eq!(page(&Example::new().report()), page(&Example::new().report()));
}

#[test]
fn no_incidents_is_said_plainly() {
    let page = page(&only(&[], &FirstTimes::default()));
    assert!(page.contains("<b>No incidents.</b>"));
    assert!(!page.contains("Highest risk") && !page.contains("<details"));
}

fn many(count: usize, score: impl Fn(usize) -> f64) -> Vec<Incident> {
    let one = |n: usize| {
        let found = finding(&format!("user.{n}"), "bulk_export", score(n), day("2026-02-02"), "");
        incident(vec![found], &settings())
    };
    (0..count).map(one).collect()
}

#[test]
fn many_incidents_are_folded() {
    let incidents = many(300, |n| if n < 100 { 9.0 } else { 2.0 });
    let page = page(&only(&incidents, &FirstTimes::default()));
    assert_eq!(page.matches("<details class=\"card").count(), 300);
    assert_eq!(page.matches("<details class=\"card high\" open>").count(), 5);
    assert_eq!(page.matches("\" open>").count(), 5);
    let groups = all(&page, "<details class=\"group\">\n  <summary>", "</summary>");
    assert_eq!(groups, ["70 more of medium severity or above", "200 of low severity"]);
    assert!(page.contains("280 more with lower risk."));
}

#[test]
fn low_incidents_alone_are_not_hidden() {
    let page = page(&only(&many(3, |_| 2.0), &FirstTimes::default()));
    assert!(page.contains("<details class=\"group\" open>\n  <summary>3 of low severity</summary>"));
}
