//! Writes every chart and part to one page, to look at in a browser: `cargo run -p orgwatch-view --example charts > a.html`.

use model::Timestamp;
use model::time::DAY;
use std::collections::BTreeMap;
use std::io::Write;
use view::chart::{
    BandPoint, Bands, Coming, Curve, CurvePoint, HeatMap, HeatRow, Line, LinePoint, Rhythm, Week, Weekday,
};
use view::format::{Count, Moment};

/// Consecutive days of the charts.
const DAYS: i64 = 90;
/// 2026-01-01, in days since 1970-01-01.
const START: i64 = 20_454;

fn main() -> std::io::Result<()> {
    let near = bands("Rows read through list views", |_| None);
    let spike = |n| (n == 60).then_some((41_510.0, "critical"));
    let charts = [
        near.to_string(),
        bands("Rows read through reports", spike).to_string(),
        line().to_string(),
        curve().to_string(),
        rhythm().to_string(),
        week().to_string(),
        heat_map().to_string(),
    ];
    let head = format!(
        "<!doctype html><html lang=\"en\"><meta charset=\"utf-8\"><meta name=\"viewport\" content=\"width=device-width\">\
         <title>Charts</title><style>{}main {{ max-width: 76rem; margin: auto; padding: 1rem }}</style><main>",
        view::style()
    );
    let moment = Moment(Timestamp(START * DAY));
    let pills = ["critical", "high", "medium", "low"].map(|s| format!("<span class=\"pill {s}\">{s}</span> "));
    let (events, pills, charts) = (Count(398_695), pills.concat(), charts.concat());
    writeln!(std::io::stdout(), "{head}<p>{moment}, {events} events {pills}</p>{charts}</main></html>")
}

/// A number from 0 to 1 that looks random.
fn noise(n: i64) -> f64 {
    ((n * 7_919 + 104_729) % 1_000) as f64 / 1_000.0
}

fn date(n: i64) -> String {
    view::format::date(Timestamp((START + n) * DAY))
}

fn bands(title: &str, spike: impl Fn(i64) -> Option<(f64, &'static str)>) -> Bands {
    let point = |n: i64| {
        let is_weekend = (START + n + 3).rem_euclid(7) >= 5;
        let expected = if is_weekend { 4.0 } else { 100.0 };
        let has_band = !(30..33).contains(&n) && n > 3;
        let value = expected * (0.7 + 0.7 * noise(n));
        let usual = match n {
            40 => (220.0, Some("medium")),
            41 => (190.0, Some("low")),
            70 => (310.0, Some("high")),
            75 => (390.0, Some("critical")),
            _ => (value, None),
        };
        let (value, severity) = spike(n).map_or(usual, |(value, severity)| (value, Some(severity)));
        BandPoint {
            day: date(n),
            value: value.round(),
            low: has_band.then_some((expected * 0.6).round()),
            expected: has_band.then_some(expected),
            high: has_band.then_some((expected * 1.5).round()),
            severity,
            href: Some(format!("#{}", date(n))),
        }
    };
    let coming = |n: i64| Coming { day: date(n), low: 40.0, expected: 100.0 - 10.0 * (n % 3) as f64, high: 260.0 };
    let coming: Vec<Coming> = (DAYS..DAYS + 7).map(coming).collect();
    Bands::going_on(title, "rows", &(0..DAYS).map(point).collect::<Vec<_>>(), &coming)
}

fn line() -> Line {
    let point = |n: i64| {
        let value = if n < 12 { 12.0 + n as f64 } else { 92.0 * 0.5f64.powf((n - 12) as f64 / 14.0) };
        LinePoint { at: Timestamp((START + n * 2) * DAY), value, href: None }
    };
    Line::of("Risk of emma.martin@acme.example", &(0..40).map(point).collect::<Vec<_>>())
}

fn curve() -> Curve {
    let days = [4_310, 402, 44, 6, 1, 0];
    let point = |(n, days): (usize, u64)| {
        let surprise = n as f64 + 1.0;
        CurvePoint { surprise, expected_days: 41_200.0 * 10f64.powf(-surprise), days }
    };
    Curve::of("Calibration of row_spike", &days.into_iter().enumerate().map(point).collect::<Vec<_>>())
}

fn rhythm() -> Rhythm {
    let share = |hour: usize| (1.0 - (hour as f64 - 13.0).abs() / 6.0).clamp(0.0, 1.0);
    Rhythm::of(&std::array::from_fn(share), &std::array::from_fn(|hour| share(hour) * 0.3), Some(13))
}

fn week() -> Week {
    let weekday = |n: usize| {
        let share = |hour: usize| (1.2 - (hour as f64 - 12.0 - n as f64 / 2.0).abs() / 5.0).clamp(0.0, 1.0);
        let most = if n < 5 { 13.0 } else { 3.0 };
        Weekday { days: 13, active: std::array::from_fn(|hour| (share(hour) * most).round() as u32) }
    };
    Week::of(&std::array::from_fn(weekday))
}

fn heat_map() -> HeatMap {
    let row = |user: i64| {
        let count = |n: i64| (START + n, if noise(n * 13 + user * 7) > 0.85 { (n + user) as u32 % 4 } else { 0 });
        let mut counts: BTreeMap<i64, u32> = (0..DAYS).map(count).collect();
        if user == 3 {
            counts.insert(START + 80, 17);
        }
        HeatRow {
            label: format!("user.{user:02}@acme.example"),
            href: Some(format!("#{user}")),
            counts,
            cell_href: Some(format!("#{user}-")),
        }
    };
    HeatMap::of("First-time object access", "objects", (START, START + DAYS - 1), &(0..12).map(row).collect::<Vec<_>>())
}
