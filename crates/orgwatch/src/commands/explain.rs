//! `orgwatch explain`

use crate::Done;
use crate::arguments::ExplainArguments;
use crate::output;
use anyhow::{Context, Result, bail};
use comfy_table::Cell;
use model::{Incident, Points, TermKind};
use std::io::{BufRead, BufReader, Read};

pub(crate) fn run(arguments: &ExplainArguments) -> Result<Done> {
    let name = arguments.incidents.display();
    let input: Box<dyn Read> = if arguments.incidents.as_os_str() == "-" {
        Box::new(std::io::stdin())
    } else {
        Box::new(std::fs::File::open(&arguments.incidents).with_context(|| format!("{name}: cannot be read"))?)
    };
    let mut found = 0;
    for (line, number) in BufReader::new(input).lines().zip(1..) {
        let line = line.with_context(|| format!("{name}: line {number}: cannot be read"))?;
        let incident: Incident =
            serde_json::from_str(&line).with_context(|| format!("{name}: line {number}: not an incident"))?;
        if arguments.of.as_deref().is_none_or(|of| matches(&incident, of)) {
            found += 1;
            output::print(&explain(&incident))?;
        }
    }
    match &arguments.of {
        Some(of) if found == 0 => bail!("{name}: no incident of {of:?}"),
        _ => Ok(Done::Quietly),
    }
}

fn matches(incident: &Incident, of: &str) -> bool {
    incident.incident_id.to_string().starts_with(of)
        || incident.user_id.as_str() == of
        || incident.username.as_deref() == Some(of)
}

/// Writes the incident, its findings, and how its score adds up.
fn explain(incident: &Incident) -> String {
    let user = incident.username.as_deref().unwrap_or(incident.user_id.as_str());
    let mut text = format!(
        "{} {} {} ({}, org {})\nIncident {}, from {} to {}\n",
        incident.risk_score,
        incident.severity.as_str().to_uppercase(),
        user,
        incident.user_class,
        incident.org_id,
        incident.incident_id,
        incident.first_event_at,
        incident.last_event_at,
    );
    for finding in &incident.findings {
        text.push_str(&format!(
            "\n  {} {} {}/10 (anomaly score {:.3} of 1, surprise {:.1}, confidence {:.2})\n    {}\n",
            finding.observed_at,
            finding.detector,
            finding.score,
            finding.anomaly_score,
            finding.surprise,
            finding.confidence,
            finding.summary,
        ));
        for feature in &finding.features {
            let (whole, part) = (feature.share / 100, feature.share % 100);
            text.push_str(&format!("    {whole:>3}.{part:02} %  {} = {}\n", feature.name, feature.value));
        }
    }
    let mut table = output::table(&["points", "term", "score", "weight", "decay", "damping", "factor", "why"]);
    for term in &incident.receipt.terms {
        let of_finding =
            |value: f64| if term.kind == TermKind::Finding { format!("{value:.3}") } else { String::new() };
        let factor = if term.kind == TermKind::Modifier { format!("×{:.2}", term.multiplier) } else { String::new() };
        table.add_row(vec![
            output::number(term.points),
            Cell::new(&term.name),
            output::number(of_finding(term.score)),
            output::number(of_finding(term.weight)),
            output::number(of_finding(term.decay)),
            output::number(of_finding(term.damping)),
            output::number(factor),
            Cell::new(&term.reason),
        ]);
    }
    let sum = Points(incident.receipt.terms.iter().map(|term| term.points.0).sum());
    text.push_str(&format!(
        "\n{table}\n= {sum} of 100, by {} with settings {}\n",
        incident.receipt.model, incident.receipt.config_hash
    ));
    text
}
