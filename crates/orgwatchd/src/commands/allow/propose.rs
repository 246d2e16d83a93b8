//! Proposes an allowlist from what an account was found to do.

use crate::arguments::ProposeArguments;
use crate::commands::database;
use crate::commands::operate::print;
use crate::config::Config;
use anyhow::{Result, bail};
use model::decision::{Allowlist, Hours, Network};
use model::time::{DAY, HOUR};
use model::{Disposition, Finding, Text, Timestamp};
use std::collections::BTreeSet;
use std::io::Write;
use std::net::IpAddr;
use std::process::ExitCode;
use store::{FindingFilter, IncidentFilter, Status};

/// Prints an allowlist, as JSON, that nothing is outside of which the account's findings say, except those of incidents
/// that were malicious or suspicious.
///
/// # Errors
/// If the account has no findings.
pub(crate) async fn propose(config: Config, arguments: ProposeArguments) -> Result<ExitCode> {
    let ProposeArguments { account, days } = arguments;
    let store = database(&config, "orgwatch-operator").await?;
    let clock = store.org_clock(&account.org).await?.unwrap_or_else(runtime::clock::now);
    let since = Some(clock.plus(-i64::from(days) * DAY));
    let (org_id, user_id) = (Some(account.org.clone()), Some(account.user.clone()));
    let statuses = Some(Status::ALL.to_vec());
    let of_account = IncidentFilter {
        org_id: org_id.clone(),
        user_id: user_id.clone(),
        statuses,
        since,
        ..IncidentFilter::default()
    };
    let incidents = store.incidents(&of_account).await?;
    let is_bad = |stored: &&store::StoredIncident| {
        matches!(stored.disposition, Some(Disposition::Malicious | Disposition::Suspicious))
    };
    let bad: BTreeSet<_> = incidents.iter().filter(is_bad).flat_map(|stored| stored.finding_ids()).collect();
    let findings = store.findings(&FindingFilter { org_id, user_id, since, ..FindingFilter::default() }).await?;
    let findings: Vec<Finding> = findings
        .into_iter()
        .map(|stored| stored.finding)
        .filter(|finding| !finding.withdrawn && !bad.contains(&finding.finding_id))
        .collect();
    if findings.is_empty() {
        bail!(
            "account {} of org {} had no findings in the last {days} days, except in incidents that were malicious or \
             suspicious: there is nothing to propose from",
            account.user,
            account.org
        );
    }
    let (count, allowlist) = (findings.len(), proposed(&findings));
    let hidden = findings.iter().filter(|finding| allowlist.expects(finding)).count();
    writeln!(
        std::io::stderr(),
        "from {count} findings of the last {days} days, of which it hides the {hidden} that say all that it names: \
         read it, leave out what the account is not there for, and accept it with `orgwatchd allow --file`"
    )?;
    print(&allowlist)?;
    Ok(ExitCode::SUCCESS)
}

/// Returns the narrowest allowlist that nothing which the findings say is outside of: whole networks of IPv4 with 24
/// bits and of IPv6 with 64, and as few hours in a row as there can be.
fn proposed(findings: &[Finding]) -> Allowlist {
    let rows = findings.iter().flat_map(|finding| &finding.measures).filter(|measure| measure.name == "rows");
    let most = rows.map(|measure| measure.value).fold(0.0, f64::max);
    Allowlist {
        hours: hours(findings.iter().map(|finding| finding.observed_at)),
        networks: findings.iter().flat_map(|finding| &finding.addresses).filter_map(network).collect(),
        clients: findings.iter().filter_map(|finding| finding.client.clone()).collect(),
        objects: findings.iter().flat_map(|finding| finding.objects.iter().cloned()).collect(),
        most_rows: (most > 0.0).then_some(most.ceil() as u64),
    }
}

/// Returns the network of an address; `None` if it is none.
fn network(address: &Text) -> Option<Network> {
    let text = match address.parse::<IpAddr>().ok()?.to_canonical() {
        IpAddr::V4(address) => format!("{}/24", std::net::Ipv4Addr::from_bits(address.to_bits() & !0xff)),
        IpAddr::V6(address) => {
            let prefix = address.to_bits() & !u128::from(u64::MAX);
            format!("{}/64", std::net::Ipv6Addr::from_bits(prefix))
        }
    };
    Network::parse(&text)
}

/// Returns the shortest run of hours of the day that has all times; `None` if that is the whole day.
fn hours(times: impl Iterator<Item = Timestamp>) -> Option<Hours> {
    let used: BTreeSet<i64> = times.map(|at| at.0.div_euclid(HOUR).rem_euclid(24)).collect();
    // The run starts behind the longest gap.
    let after_gap = |hour: &&i64| {
        let earlier = (1..=24).find(|back| used.contains(&(*hour - back).rem_euclid(24)));
        earlier.unwrap_or(24)
    };
    let first = used.iter().max_by_key(after_gap)?;
    let gap = after_gap(&first);
    let length = 24 - gap;
    (gap > 1).then_some(Hours { first: *first as u8, last: (first + length).rem_euclid(24) as u8 })
}

#[cfg(test)]
mod tests {
    use super::*;
    use model::operational::Unseen;
    use model::{Measure, OrgId};

    fn finding(detector: &str) -> Finding {
        let at = Timestamp(1_000);
        let unseen = Unseen { subject: detector, since: at, noticed: at, score: 8.0, summary: String::new() };
        Finding {
            detector: detector.into(),
            observed_at: at,
            ..unseen.finding(&OrgId::new("00D000000000001AAA"), 1, at)
        }
    }

    #[test]
    fn the_hours_are_the_shortest_run_that_has_all() {
        let check = |used: &[i64], expect: Option<&str>| {
            let found = hours(used.iter().map(|hour| Timestamp(hour * HOUR + 5)));
            assert_eq!(found.map(|hours| hours.to_string()).as_deref(), expect, "{used:?}");
        };
        check(&[], None);
        check(&[8, 9, 17], Some("8-17"));
        check(&[23, 1, 24 + 2], Some("23-2"));
        check(&[5], Some("5-5"));
        check(&[0, 12], Some("12-0"));
        check(&Vec::from_iter(0..24), None);
        check(&Vec::from_iter(1..24), Some("1-23"));
    }

    #[test]
    fn what_is_proposed_fits_what_findings_say_and_little_else() {
        let (mut a, mut b) = (finding("row_spike"), finding("new_access"));
        (a.addresses, b.addresses) = (vec!["203.0.113.7".into(), "2001:db8::1".into()], vec!["203.0.113.9".into()]);
        (a.objects, b.objects) = (vec!["Contact".into()], vec!["Lead".into(), "Contact".into()]);
        a.client = Some("curl".into());
        a.measures = vec![Measure { name: "rows".into(), value: 1_500.5 }];
        b.observed_at = Timestamp(3 * HOUR);
        let allowlist = proposed(&[a.clone(), b.clone()]);
        let expect = r#"{"hours":"0-3","networks":["203.0.113.0/24","2001:db8::/64"],"clients":["curl"],"objects":["Contact","Lead"],"most_rows":1501}"#;
        assert_eq!(serde_json::to_string(&allowlist).unwrap(), expect);
        assert!(allowlist.expects(&a) && allowlist.unexpected(&b).is_empty());
        assert_eq!((allowlist.expects(&b), allowlist.unsaid(&b)), (false, vec!["clients", "most_rows"]));
        b.objects.push("Salary__c".into());
        assert_eq!(allowlist.unexpected(&b), ["objects"]);
    }
}
