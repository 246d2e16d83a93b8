//! Charts as HTML.

use super::{BandPoint, Bands, Coming, Curve, CurvePoint, Line, LinePoint, Rhythm, Week, Weekday};
use askama::Template;
use model::Timestamp;
use model::time::DAY;

fn point(n: u32, value: f64) -> BandPoint {
    let (low, expected, high) = (Some(60.0), Some(99.0), Some(138.0));
    BandPoint { day: format!("2026-03-{n:02}"), value, low, expected, high, ..BandPoint::default() }
}

fn raised(n: u32, value: f64, severity: &'static str) -> BandPoint {
    BandPoint { severity: Some(severity), href: Some(format!("/days/2026-03-{n:02}")), ..point(n, value) }
}

fn line(values: &[f64]) -> Line {
    let start = Timestamp::parse("2026-03-01").expect("a date");
    let at = |(n, value): (usize, &f64)| LinePoint { at: start.plus(n as i64 * DAY), value: *value, href: None };
    Line::of("Risk of emma.martin", &values.iter().enumerate().map(at).collect::<Vec<_>>())
}

fn curve() -> Curve {
    let point = |surprise, expected_days, days| CurvePoint { surprise, expected_days, days };
    let points = [point(1.0, 1_200.0, 1_310), point(2.0, 120.0, 98), point(3.0, 12.0, 14), point(4.0, 1.2, 0)];
    Curve::of("Calibration of row_spike", &points)
}

fn rhythm(center: Option<u8>) -> Rhythm {
    let share = |hour: usize| match hour {
        9..=11 | 13..=16 => 0.82,
        12 | 17 => 0.45,
        8 | 18 => 0.1,
        _ => 0.0,
    };
    Rhythm::of(&std::array::from_fn(share), &std::array::from_fn(|hour| if hour == 20 { 0.05 } else { 0.0 }), center)
}

/// Works on 13 Mondays to Thursdays and on 12 of 13 Fridays from 9 to 17, on one of 12 Saturdays at 20.
fn weekdays() -> [Weekday; 7] {
    let worked =
        |days| Weekday { days: 13, active: std::array::from_fn(|hour| if (9..17).contains(&hour) { days } else { 0 }) };
    let saturday = Weekday { days: 12, active: std::array::from_fn(|hour| u32::from(hour == 20)) };
    [worked(13), worked(13), worked(13), worked(13), worked(12), saturday, Weekday::default()]
}

#[test]
fn bands_have_bars_the_band_marks_and_a_table() {
    let gap = BandPoint { low: None, expected: None, high: None, ..point(2, 90.0) };
    insta::assert_snapshot!(Bands::of(
        "Rows read",
        "rows",
        &[point(1, 80.0), gap, raised(3, 300.0, "high"), point(4, 0.0)]
    ));
}

#[test]
fn days_to_come_are_dashed_and_continue_the_table() {
    let coming = [5, 6].map(|n: u32| Coming { day: format!("2026-03-{n:02}"), low: 40.0, expected: 90.0, high: 400.0 });
    let chart = Bands::going_on("Rows read", "rows", &[point(3, 80.0), point(4, 0.0)], &coming).to_string();
    assert_eq!(chart.matches("<rect class=\"value\"").count(), 3, "two days and the key");
    assert_eq!(chart.matches("<rect class=\"hit\"").count(), 4);
    assert_eq!(chart.matches("<path class=\"coming\"").count(), 2, "the days and the key");
    assert!(chart.contains("<path class=\"coming-band\" d=\"M500 "), "{chart}");
    assert!(chart.contains("<path class=\"usual\" d=\"M0 158.5H250M250 158.5H500\""), "{chart}");
    assert!(chart.contains("<title>2026-03-05: 90 rows expected, 95 of 100 days from 40 to 400</title>"), "{chart}");
    let row = "<tr><th scope=\"row\">2026-03-06</th><td class=\"n\">–</td><td class=\"n\">40</td>\
               <td class=\"n\">90</td><td class=\"n\">400</td><td>to come</td></tr>";
    assert!(chart.contains(row), "{chart}");
    assert!(chart.contains("; expected from 2026-03-05 to 2026-03-06: up to 90 rows a day\""), "{chart}");
    assert!(!Bands::of("", "rows", &[point(1, 80.0)]).to_string().contains("coming"));
}

#[test]
fn far_apart_values_have_dots_on_a_logarithmic_scale() {
    let far =
        Bands::of("Rows", "rows", &[point(1, 80.0), point(2, 0.0), point(3, 90.0), raised(4, 41_510.0, "critical")]);
    let far = far.to_string();
    assert!(far.contains("rows by day, logarithmic scale"));
    assert_eq!(far.matches("<circle class=\"value\"").count(), 4, "three days and the key");
    assert_eq!(far.matches("<rect class=\"value").count(), 0);
    assert_eq!(far.matches("<svg class=\"mark critical\"").count(), 2, "the day and the key");
    let near = Bands::of("Rows", "rows", &[point(1, 80.0), point(2, 0.0), point(3, 4_000.0)]).to_string();
    assert!(!near.contains("logarithmic"), "50 times the median is not above it");
}

#[test]
fn a_chart_says_what_it_shows() {
    let bands =
        Bands::of("Rows read", "rows", &[point(1, 80.0), point(2, 150.0), raised(3, 300.0, "high")]).to_string();
    assert!(bands.contains(
        "aria-label=\"Rows read, 3 days from 2026-03-01 to 2026-03-03: 2 days above the usual band, 1 day raised; \
         the most on 2026-03-03: 300 rows, usually 60 to 138\""
    ));
    assert!(line(&[10.0, 85.0, 45.0]).to_string().contains(
        "aria-label=\"Risk of emma.martin from 2026-03-01 to 2026-03-03, of 100: the highest on 2026-03-02 00:00:00: \
         85.00, critical; at the end 45.00, medium\""
    ));
    assert!(curve().to_string().contains(
        "aria-label=\"Calibration of row_spike: 1,310 days with a surprise of 1 or more, 1,200 promised; \
         14 days with a surprise of 3 or more, 12 promised\""
    ));
    let says = "Working days: active on at least half of them from 09:00 to 12:00 and 13:00 to 17:00. \
                Weekends: most often active at 20:00, on 5 % of them. The middle of its working day is 13:00.";
    assert!(rhythm(Some(13)).to_string().contains(says));
    assert!(Rhythm::of(&[0.0; 24], &[0.0; 24], None).to_string().contains("<p>Working days: never active."));
}

#[test]
fn a_line_has_the_thresholds_and_a_table() {
    insta::assert_snapshot!(line(&[10.0, 85.0, 45.0]));
}

#[test]
fn a_curve_has_the_promise_and_a_table() {
    insta::assert_snapshot!(curve());
}

#[test]
fn a_rhythm_has_two_rows_of_24_hours() {
    insta::assert_snapshot!(rhythm(Some(13)));
}

#[test]
fn a_week_has_seven_rows_of_24_hours() {
    let week = Week::of(&weekdays()).to_string();
    assert_eq!(week.matches("<td title=").count(), 7 * 24);
    assert!(week.contains(
        "<p>Mondays to Fridays: active on at least half of them from 09:00 to 17:00. \
         Saturdays: most often active at 20:00, on 8 % of them. Sundays: not known yet.</p>"
    ));
    let friday =
        "<td title=\"Friday, 09:00: on 12 of 13 Fridays\"><i class=\"l5\"></i><span class=\"hidden\">92 %</span>";
    assert!(week.contains(friday), "{week}");
    assert!(week.contains("<td title=\"Saturday, 20:00: on 1 of 12 Saturdays\"><i class=\"l1\">"));
    assert!(week.contains("on 0 of 0 Sundays\"><i class=\"l0\"></i><span class=\"hidden\">not known</span>"));
}

#[test]
fn many_points_of_a_line_have_no_marks() {
    let line = line(&[50.0; 61]).to_string();
    assert!(!line.contains("class=\"mark"));
    assert_eq!(line.matches("<th scope=\"row\">").count(), 61);
}

#[test]
fn charts_of_nothing_say_so() {
    let nothing = "<p class=\"calm\">";
    assert!(Bands::of("", "rows", &[]).to_string().contains(nothing));
    assert!(line(&[]).to_string().contains(nothing));
    assert!(Curve::of("", &[]).to_string().contains(nothing));
}

#[test]
fn odd_numbers_are_drawn_within_the_chart() {
    let odd = [f64::NAN, f64::INFINITY, -1.0, 0.0, f64::MAX, f64::MIN_POSITIVE];
    for value in odd {
        let bands = Bands::of("", "", &[point(1, value), BandPoint { high: Some(value), ..point(2, 5.0) }]).to_string();
        let curve = CurvePoint { surprise: value, expected_days: value, days: u64::MAX };
        let ordinary = CurvePoint { surprise: 1.0, expected_days: 5.0, days: 5 };
        let curves = [[curve, curve], [ordinary, curve]].map(|points| Curve::of("", &points).to_string());
        let charts = [bands, line(&[value, 5.0]).to_string(), curves.concat()];
        for chart in &charts {
            let attributes = [" x=\"", " y=\"", " cx=\"", " cy=\"", " d=\"", "width=\"", "height=\""];
            for attribute in attributes {
                let values = chart.split(attribute).skip(1).filter_map(|rest| rest.split_once('"'));
                for (text, _) in values {
                    assert!(!text.contains("NaN") && !text.contains("inf"), "{value}: {attribute}{text}");
                }
            }
        }
    }
}

#[test]
fn hostile_text_stays_text() {
    const HOSTILE: &str = "\"><script>alert('x')</script>";
    let hostile = || HOSTILE.to_owned();
    let day = BandPoint { day: hostile(), href: Some(hostile()), ..raised(1, 5.0, "low") };
    let at = LinePoint { at: Timestamp(0), value: 5.0, href: Some(hostile()) };
    let curve = CurvePoint { surprise: 1.0, expected_days: 1.0, days: 1 };
    let charts = [
        Bands::of(HOSTILE, HOSTILE, &[day]).to_string(),
        Line::of(HOSTILE, &[at]).to_string(),
        Curve::of(HOSTILE, &[curve]).to_string(),
    ];
    for chart in charts {
        assert!(chart.contains("alert(") && !chart.contains("<script") && !chart.contains("\"\">"), "{chart}");
    }
}

#[test]
fn charts_stand_in_other_templates_without_inline_styles() {
    #[derive(Template)]
    #[template(source = "{{ bands }}{{ line }}{{ curve }}{{ rhythm }}", ext = "html")]
    struct Outer {
        bands: Bands,
        line: Line,
        curve: Curve,
        rhythm: Rhythm,
    }
    let (bands, line) = (Bands::of("", "rows", &[raised(1, 5.0, "low")]), line(&[5.0]));
    let outer = Outer { bands, line, curve: curve(), rhythm: rhythm(None) }.render().expect("sound templates");
    assert_eq!(outer.matches("<figure").count(), 3);
    assert!(!outer.contains("style=") && !outer.contains("<style") && !outer.contains("<script"));
}
