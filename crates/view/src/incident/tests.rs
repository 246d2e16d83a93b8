//! The parts of an incident.

use super::{Bar, Findings, Receipt};
use crate::example::{Example, day, finding};
use askama::Template;
use model::{Incident, Points, RiskModel, Uuid};

/// The incident with the highest risk: four findings and two modifiers, one of which subtracts points.
fn highest() -> Incident {
    Example::new().incidents.remove(0)
}

/// The numbers of an attribute in percent.
fn percents(svg: &str, attribute: &str) -> Vec<f64> {
    let rects = svg.split("<rect").skip(1).filter_map(|rect| rect.split_once('>')).map(|(rect, _)| rect);
    let text = |rect: &str| Some(rect.split_once(&format!(" {attribute}=\""))?.1.split_once("%\"")?.0.to_owned());
    rects.map(|rect| text(rect).map_or(0.0, |text| text.parse().expect("a number"))).collect()
}

#[test]
fn a_bar_has_its_terms() {
    insta::assert_snapshot!(Bar::of(&highest()));
}

#[test]
fn a_receipt_has_the_bar_the_waterfall_and_the_arithmetic() {
    insta::assert_snapshot!(Receipt::of(&highest()));
}

#[test]
fn findings_have_what_is_behind_them() {
    insta::assert_snapshot!(Findings::of(&highest().findings[..1]));
}

#[test]
fn the_bar_ends_at_the_score() {
    let incident = highest();
    let bar = Bar::of(&incident).to_string();
    let (x, width) = (percents(&bar, "x"), percents(&bar, "width"));
    assert!(bar.contains("<rect class=\"minus\""), "a modifier lowers this score");
    // What is subtracted is laid back over the end of the bar.
    assert_eq!(x.last().copied().map(Points::from_f64), Some(incident.risk_score));
    assert_eq!(x[0], 0.0);
    let added = x.iter().zip(&width).take(5);
    assert!(added.zip(&x[1..5]).all(|((x, width), next)| (x + width - next).abs() < 0.02));
}

#[test]
fn the_waterfall_ends_at_the_score() {
    let incident = highest();
    let receipt = Receipt::of(&incident).without_bar().to_string();
    let total = percents(&receipt, "width").last().copied();
    assert_eq!(total.map(Points::from_f64), Some(incident.risk_score));
}

#[test]
fn points_above_100_stay_on_the_scale() {
    let mut incident = highest();
    let mut cap = incident.receipt.terms[0].clone();
    incident.receipt.terms[0].points.0 += 5_000;
    cap.points.0 = -5_000;
    incident.receipt.terms.push(cap);
    let bar = Bar::of(&incident).to_string();
    let ends = percents(&bar, "x").into_iter().zip(percents(&bar, "width")).map(|(x, width)| x + width);
    assert!(ends.clone().all(|end| end <= 100.01), "{:?}", ends.collect::<Vec<_>>());
}

#[test]
fn a_receipt_without_points_says_so() {
    let mut incident = highest();
    incident.receipt.terms.clear();
    incident.risk_score = Points(0);
    let receipt = Receipt::of(&incident).to_string();
    assert!(receipt.contains("aria-label=\"No term has points\"") && receipt.contains("= risk<"));
}

#[test]
fn a_receipt_that_does_not_add_up_is_called_out() {
    let mut incident = highest();
    incident.receipt.terms[0].points.0 -= 1;
    let receipt = Receipt::of(&incident).to_string();
    assert!(receipt.contains("<b>The terms add up to 91.87, not to the risk of 91.88.</b>"));
    assert!(!receipt.contains("= risk<"));
}

#[test]
fn each_model_has_its_formula() {
    let mut incident = highest();
    assert!(Receipt::of(&incident).to_string().contains("Noisy-or: x ="));
    incident.receipt.model = RiskModel::Sum;
    assert!(Receipt::of(&incident).to_string().contains("Weighted sum: 100 ×"));
}

#[test]
fn a_withdrawn_finding_is_shown_as_such() {
    let mut found = finding("x", "row_spike", 4.2, day("2026-02-02"), "");
    found.withdrawn = true;
    let findings = Findings::of(std::slice::from_ref(&found)).to_string();
    assert!(findings.contains("<li class=\"finding medium withdrawn\""));
    assert_eq!(findings.matches(">withdrawn</span>").count(), 1);
}

#[test]
fn a_long_list_of_events_is_cut_and_says_so() {
    let mut found = finding("x", "row_spike", 9.0, day("2026-02-02"), "");
    found.event_ids = (0..250).map(Uuid::from_u128).collect();
    let findings = Findings::of(std::slice::from_ref(&found)).to_string();
    assert!(findings.contains("<summary>250 events</summary>") && findings.contains("and 150 more</p>"));
}

#[test]
fn parts_stand_in_other_templates_without_being_escaped_again() {
    #[derive(Template)]
    #[template(source = "{{ bar }}{{ findings }}{{ receipt }}", ext = "html")]
    struct Outer<'a> {
        bar: Bar<'a>,
        findings: Findings<'a>,
        receipt: Receipt<'a>,
    }
    let incident = highest();
    let (bar, findings, receipt) = (Bar::of(&incident), Findings::of(&incident.findings), Receipt::of(&incident));
    let parts = format!("{bar}{findings}{receipt}");
    assert_eq!(Outer { bar, findings, receipt }.render().expect("sound templates"), parts);
    assert!(!parts.contains("style=") && !parts.contains("<style") && !parts.contains("<script"));
}
