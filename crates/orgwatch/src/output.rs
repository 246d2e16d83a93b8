//! Tables, JSON lines and errors.

use anyhow::{Context, Result};
use comfy_table::{Attribute, Cell, CellAlignment, Color, Table, presets};
use model::{Incident, Severity};
use serde_json::Value;
use std::fs::File;
use std::io::{BufWriter, Write};
use std::path::Path;

/// Prints to standard output. If the reader has closed the pipe, returns an error that [`is_broken_pipe`] recognizes.
pub(crate) fn print(text: &str) -> Result<()> {
    let mut out = std::io::stdout().lock();
    out.write_all(text.as_bytes())?;
    if !text.ends_with('\n') {
        out.write_all(b"\n")?;
    }
    Ok(out.flush()?)
}

pub(crate) fn print_json(value: &Value) -> Result<()> {
    print(&serde_json::to_string_pretty(value)?)
}

pub(crate) fn complain(error: &anyhow::Error) {
    let causes: Vec<String> = error.chain().map(ToString::to_string).collect();
    let written = writeln!(std::io::stderr(), "orgwatch: {}", causes.join(": "));
    // If standard error is closed, only the exit code is left.
    drop(written);
}

pub(crate) fn is_broken_pipe(error: &anyhow::Error) -> bool {
    let io = error.chain().find_map(|cause| cause.downcast_ref::<std::io::Error>());
    io.is_some_and(|io| io.kind() == std::io::ErrorKind::BrokenPipe)
}

pub(crate) fn create(path: &Path) -> Result<BufWriter<File>> {
    Ok(BufWriter::new(File::create(path).with_context(|| format!("{}: cannot be written", path.display()))?))
}

/// Writes one JSON object a line.
pub(crate) fn write_lines<T: serde::Serialize>(mut file: BufWriter<File>, items: &[T]) -> Result<()> {
    for item in items {
        serde_json::to_writer(&mut file, item)?;
        file.write_all(b"\n")?;
    }
    Ok(file.flush()?)
}

pub(crate) fn table(header: &[&str]) -> Table {
    let mut table = Table::new();
    table.load_style(presets::UTF8_HORIZONTAL_ONLY);
    table.set_content_arrangement(comfy_table::ContentArrangement::Dynamic);
    table.set_header(header.iter().map(|name| Cell::new(name).add_attribute(Attribute::Bold)));
    table
}

pub(crate) fn number(value: impl ToString) -> Cell {
    Cell::new(value).set_alignment(CellAlignment::Right)
}

pub(crate) fn severity(severity: Severity) -> Cell {
    let color = match severity {
        Severity::Critical => Color::Red,
        Severity::High => Color::Yellow,
        Severity::Medium => Color::Cyan,
        Severity::Low => Color::Grey,
    };
    Cell::new(severity).fg(color)
}

/// Returns a table of the first `top` incidents, or of all if 0.
pub(crate) fn incidents(incidents: &[Incident], top: usize) -> Table {
    let mut table = table(&["risk", "severity", "user", "class", "first event", "findings"]);
    let shown = if top == 0 { incidents.len() } else { top };
    for incident in incidents.iter().take(shown) {
        let user = incident.username.as_deref().unwrap_or(incident.user_id.as_str());
        let mut findings: Vec<_> = incident.findings.iter().collect();
        findings.sort_by(|a, b| b.score.total_cmp(&a.score));
        let lines = findings.iter().take(5).map(|f| format!("{} {}/10: {}", f.detector, f.score, f.summary));
        let mut lines: Vec<String> = lines.collect();
        if findings.len() > lines.len() {
            lines.push(format!("and {} more", findings.len() - lines.len()));
        }
        table.add_row(vec![
            number(incident.risk_score),
            severity(incident.severity),
            Cell::new(user),
            Cell::new(incident.user_class),
            Cell::new(incident.first_event_at.to_utc().format("%Y-%m-%d %H:%M:%S")),
            Cell::new(lines.join("\n")),
        ]);
    }
    table
}
