//! The page as an analyst sees it.

mod example;

use super::{FirstTimes, render};
use example::Example;

#[test]
fn write_out() {
    let example = Example::new();
    std::fs::write("/tmp/report.html", render(&example.report()).unwrap()).unwrap();
    let none = FirstTimes::default();
    std::fs::write("/tmp/report0.html", render(&example::only(&[], &none)).unwrap()).unwrap();
    let many: Vec<_> = (0..300)
        .map(|n| {
            let at = example::day("2026-02-01").plus(n * 3_600_000);
            let score = 10.0 - n as f64 / 40.0;
            let name = format!("user.{:03}", n % 170);
            example::incident(
                vec![example::finding(&name, "row_spike", score, at, "many rows"), example::finding(&name, "off_hours", score / 2.0, at, "at night")],
                &risk::Settings::default(),
            )
        })
        .collect();
    std::fs::write("/tmp/report300.html", render(&example::only(&many, &none)).unwrap()).unwrap();
}
