//! A progress bar, shown on terminals only.

use indicatif::{ProgressBar, ProgressStyle};
use std::io::IsTerminal;
use std::time::Duration;

/// How often a spinner moves. A choice.
const TICK: Duration = Duration::from_millis(100);

/// Returns a bar over `bytes`, or a counter if their number is 0 and so unknown.
pub(crate) fn over_bytes(bytes: u64) -> ProgressBar {
    if !std::io::stderr().is_terminal() {
        return ProgressBar::hidden();
    }
    let bar = if bytes > 0 { ProgressBar::new(bytes) } else { ProgressBar::no_length() };
    styled(bar, "{bar:30} {bytes}/{total_bytes} {msg} {bytes_per_sec}, {eta} left")
}

/// Returns a spinner for work of which the end is not known. It moves by itself.
pub(crate) fn spinner(message: &'static str) -> ProgressBar {
    if !std::io::stderr().is_terminal() {
        return ProgressBar::hidden();
    }
    let spinner = ProgressBar::new_spinner().with_message(message);
    spinner.enable_steady_tick(TICK);
    spinner
}

pub(crate) fn over_days(days: u32) -> ProgressBar {
    if !std::io::stderr().is_terminal() {
        return ProgressBar::hidden();
    }
    styled(ProgressBar::new(u64::from(days)), "{bar:30} day {pos}/{len} {msg} {eta} left")
}

fn styled(bar: ProgressBar, template: &str) -> ProgressBar {
    match ProgressStyle::with_template(template) {
        Ok(style) => bar.with_style(style),
        Err(_) => bar,
    }
}
