//! The columns of an incident by which lists filter and search it: copies of what is in its message.

use crate::Store;
use crate::convert::text;
use crate::error::{Context, Result, StoreError};
use model::codec::Message;
use model::{Finding, Incident, TermKind, Text, Uuid};
use serde_json::Value;
use std::borrow::Cow;
use std::collections::BTreeSet;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// By what an incident is found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Facets {
    /// What happened, in the sentence of the finding with the most points.
    pub(crate) summary: String,
    /// The detectors of its findings, in order.
    pub(crate) detectors: Vec<String>,
    /// What it touched and from where, each as `kind:value`, in order.
    pub(crate) facets: Vec<String>,
    /// All words of it, for full text search.
    pub(crate) words: String,
    /// The finding after which its records are named.
    pub(crate) leading: Option<Uuid>,
}

/// The most facets of an incident: a choice that keeps the index small. Those of the findings with the most points come
/// first.
const MOST: usize = 256;

impl Facets {
    pub(crate) fn of(incident: &Incident) -> Self {
        let by_points = by_points(incident);
        let detectors: BTreeSet<&str> = by_points.iter().map(|finding| finding.detector.as_str()).collect();
        let mut facets: BTreeSet<String> = detectors.iter().map(|detector| format!("detector:{detector}")).collect();
        for facet in by_points.iter().flat_map(|finding| of_finding(finding)) {
            if facets.len() >= MOST {
                break;
            }
            facets.insert(facet);
        }
        let mut words: BTreeSet<&str> = facets.iter().filter_map(|facet| Some(facet.split_once(':')?.1)).collect();
        words.extend(incident.username.as_deref());
        words.insert(incident.user_id.as_str());
        words.extend(by_points.iter().map(|finding| finding.summary.as_str()));
        let words = Vec::from_iter(words).join("\n");
        // Postgres keeps an e-mail address or a host as one word; people also search for parts of it.
        let parts = words.replace(|letter: char| "@._-/".contains(letter), " ");
        Self {
            summary: by_points.first().map_or_else(String::new, |finding| finding.summary.clone()),
            detectors: detectors.into_iter().map(str::to_owned).collect(),
            words: format!("{words}\n{parts}"),
            facets: facets.into_iter().collect(),
            leading: forms::leading_finding(incident).map(|finding| finding.finding_id),
        }
    }
}

/// The facets of many incidents, each a column.
pub(crate) struct FacetColumns<'a> {
    pub(crate) summaries: Vec<Cow<'a, str>>,
    pub(crate) detectors: Vec<Value>,
    pub(crate) facets: Vec<Value>,
    pub(crate) words: Vec<Cow<'a, str>>,
    pub(crate) leading: Vec<Option<Uuid>>,
}

impl<'a> FacetColumns<'a> {
    pub(crate) fn of(all: &'a [Facets]) -> Self {
        let array = |values: &[String]| values.iter().map(|value| text(value).into_owned()).collect::<Value>();
        Self {
            summaries: all.iter().map(|facets| text(&facets.summary)).collect(),
            detectors: all.iter().map(|facets| array(&facets.detectors)).collect(),
            facets: all.iter().map(|facets| array(&facets.facets)).collect(),
            words: all.iter().map(|facets| text(&facets.words)).collect(),
            leading: all.iter().map(|facets| facets.leading).collect(),
        }
    }
}

impl Store {
    /// Fills in by what lists and records find incidents that an earlier version stored, at most `limit` of them, and returns
    /// how many rows were found. One that changes meanwhile is filled by that change. Findings go first, so that an
    /// incident is not found by its leading finding before that is filled.
    ///
    /// # Errors
    /// If the database cannot be read or written, or a stored message cannot be decoded.
    pub async fn fill_facets(&self, limit: u32) -> Result<usize> {
        match self.fill_names(limit).await? {
            0 => self.fill_incidents(limit).await,
            filled => Ok(filled),
        }
    }

    async fn fill_incidents(&self, limit: u32) -> Result<usize> {
        let rows = sqlx::query!(
            "SELECT incident_id, revision, message FROM orgwatch.incidents WHERE facets IS NULL ORDER BY incident_id LIMIT $1",
            i64::from(limit)
        )
        .fetch_all(&self.pool)
        .await
        .context("read incidents without facets")?;
        let facets = rows.iter().map(|row| {
            let incident = Incident::decode(&row.message);
            let unreadable = |source| StoreError::Message { what: "incident", id: row.incident_id.to_string(), source };
            incident.map(|incident| Facets::of(&incident)).map_err(unreadable)
        });
        let facets = facets.collect::<Result<Vec<_>>>()?;
        let found = FacetColumns::of(&facets);
        let ids: Vec<Uuid> = rows.iter().map(|row| row.incident_id).collect();
        let revisions: Vec<i64> = rows.iter().map(|row| row.revision).collect();
        sqlx::query!(
            "UPDATE orgwatch.incidents i SET summary = t.summary, words = to_tsvector('simple', t.words),
                 detectors = ARRAY(SELECT jsonb_array_elements_text(t.detectors)),
                 pattern = (SELECT string_agg(d, '+') FROM jsonb_array_elements_text(t.detectors) d),
                 facets = ARRAY(SELECT jsonb_array_elements_text(t.facets)), leading_finding_id = t.leading_id
             FROM UNNEST($1::uuid[], $2::bigint[], $3::text[], $4::jsonb[], $5::jsonb[], $6::text[], $7::uuid[])
                 AS t (incident_id, revision, summary, detectors, facets, words, leading_id)
             WHERE i.incident_id = t.incident_id AND i.revision = t.revision AND i.facets IS NULL",
            &ids,
            &revisions,
            &found.summaries as &[Cow<'_, str>],
            &found.detectors,
            &found.facets,
            &found.words as &[Cow<'_, str>],
            &found.leading as &[Option<Uuid>]
        )
        .execute(&self.pool)
        .await
        .context("fill in facets of incidents")?;
        Ok(rows.len())
    }
}

/// Returns the findings that count, those with the most points in the receipt first.
fn by_points(incident: &Incident) -> Vec<&Finding> {
    let points = |finding: &Finding| {
        let terms = incident.receipt.terms.iter().filter(|term| term.kind == TermKind::Finding);
        terms.filter(|term| term.finding_id == Some(finding.finding_id)).map(|term| term.points.0).sum::<i32>()
    };
    let mut findings: Vec<(i32, &Finding)> = incident
        .findings
        .iter()
        .filter(|finding| !finding.withdrawn)
        .map(|finding| (points(finding), finding))
        .collect();
    findings.sort_by_key(|(points, finding)| (-points, finding.observed_at, finding.finding_id));
    findings.into_iter().map(|(_, finding)| finding).collect()
}

/// Returns the network of an address: /24 of IPv4, also where it is written as IPv6, and /64 of IPv6.
fn network(address: &str) -> Option<String> {
    Some(match address.parse::<IpAddr>().ok()?.to_canonical() {
        IpAddr::V4(address) => format!("{}/24", Ipv4Addr::from_bits(address.to_bits() & (u32::MAX << 8))),
        IpAddr::V6(address) => format!("{}/64", Ipv6Addr::from_bits(address.to_bits() & (u128::MAX << 64))),
    })
}

fn of_finding(finding: &Finding) -> Vec<String> {
    let named = |kind: &str, values: &[Text]| values.iter().map(|value| format!("{kind}:{value}")).collect::<Vec<_>>();
    let mut facets = named("object", &finding.objects);
    facets.extend(named("address", &finding.addresses));
    facets.extend(finding.addresses.iter().filter_map(|address| network(address)).map(|of| format!("address:{of}")));
    for (kind, value) in [
        ("resource", &finding.resource_id),
        ("resource", &finding.resource_name),
        ("client", &finding.client),
        ("app", &finding.app),
    ] {
        facets.extend(value.iter().map(|value| format!("{kind}:{value}")));
    }
    facets
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_has_a_network() {
        for (address, expect) in [
            ("203.0.113.77", Some("203.0.113.0/24")),
            ("::ffff:203.0.113.77", Some("203.0.113.0/24")),
            ("2001:db8:1:2:3:4:5:6", Some("2001:db8:1:2::/64")),
            ("Salesforce.com IP", None),
        ] {
            assert_eq!(network(address).as_deref(), expect, "{address}");
        }
    }
}
