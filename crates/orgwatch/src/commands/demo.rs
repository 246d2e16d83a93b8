//! `orgwatch demo`

use crate::Done;
use crate::arguments::{DemoArguments, ReadArguments, Shape};
use crate::commands::backtest::{self, Extras};
use crate::commands::simulate;
use crate::output;
use anyhow::Result;
use model::{OrgId, Timestamp};
use simulator::Plan;

pub(crate) fn run(arguments: &DemoArguments) -> Result<Done> {
    let plan = Plan::leaver(arguments.seed);
    // At the beginning, everything is a first time.
    const LEARNING: i64 = 30 * model::time::DAY;
    let start = Timestamp(plan.start.and_time(chrono::NaiveTime::MIN).and_utc().timestamp_millis());
    let (users, days, org) = (plan.users, plan.days, OrgId::new(&plan.org_id));
    let events = simulate::write(plan, Shape::Ndjson, &arguments.out, u64::MAX)?;
    output::print(&format!(
        "An org of {users} users over {days} days: {events} events; the first 30 days only teach. Emma Martin leaves on the last.\n"
    ))?;
    let prepared = backtest::prepare(
        &ReadArguments {
            inputs: vec![arguments.out.join("events.ndjson")],
            config: None,
            types: None,
            org: Some(org),
            learn_until: Some(start.plus(LEARNING)),
            from: None,
            to: None,
            threads: None,
            decisions: None,
            rejects: None,
        },
        Extras::default(),
    )?;
    let outcome = prepared.read()?;
    backtest::print(&outcome, 5)?;
    let report = arguments.out.join("report.html");
    backtest::write_report(&outcome, "orgwatch demo: Emma Martin leaves", output::create(&report)?)?;
    output::write_lines(output::create(&arguments.out.join("incidents.ndjson"))?, &outcome.finished.incidents)?;
    output::print(&format!("\nThe report is {}.", report.display()))?;
    Ok(Done::Quietly)
}
