//! `orgwatch inspect`

mod advice;
mod report;
mod text;

use crate::Done;
use crate::arguments::InspectArguments;
use crate::commands::backtest::now;
use crate::output;
use crate::progress;
use anyhow::{Result, bail};
use files::{Context, InputError, NamedOrgs, UNNAMED_ORG};
use model::OrgId;
use report::FileReport;
use serde_json::json;

/// Records of a file that are looked at, or somewhat more. A choice: an answer within a second.
const MOST: u64 = 5_000;

pub(crate) fn run(arguments: &InspectArguments) -> Result<Done> {
    let given =
        Context { org: arguments.org.clone(), types: arguments.types.unwrap_or_default(), received: Some(now()) };
    let spinner = progress::spinner("looking at the files");
    let (inputs, skipped) = match files::expand(&arguments.inputs, &given) {
        Ok(found) => found,
        Err(InputError::NoEvents { skipped, .. }) => (Vec::new(), skipped),
        Err(error) => return Err(error.into()),
    };
    // As in a backtest, but by the beginnings of the files alone. Where they name several orgs, records without one are
    // shown all the same, and the advice is to give it.
    let joined = || NamedOrgs::at_the_beginning(&inputs).joined();
    let org = arguments.org.clone().or_else(joined).unwrap_or_else(|| OrgId::new(UNNAMED_ORG));
    let mut reports = Vec::new();
    for input in &inputs {
        reports.push(FileReport::of(input, input.beginning(&org, MOST)?, arguments.org.is_some()));
    }
    spinner.finish_and_clear();
    if arguments.json {
        let skipped: Vec<_> =
            skipped.iter().map(|file| json!({ "file": file.path, "reason": file.reason.to_string() })).collect();
        output::print_json(&json!({ "files": reports, "skipped": skipped }))?;
    } else {
        let mut parts: Vec<String> = reports.iter().map(ToString::to_string).collect();
        parts.extend(skipped.iter().map(|file| format!("{}\n  not read: {}\n", file.path.display(), file.reason)));
        output::print(parts.join("\n").trim_end())?;
    }
    if reports.iter().all(|report| report.events == 0) {
        bail!("no event could be read");
    }
    Ok(Done::Quietly)
}
