//! Parses rows of log files and log objects, in constant memory.

use bytes::Bytes;
use model::{Activity, OrgId};
use salesforce::{Chunks, Context, Counts, Format, Occurrences, ReadError, Reject};
use std::io::{self, Read};
use tokio::sync::mpsc;

/// The rows of one chunk, in order.
#[derive(Debug, Default)]
pub(super) struct Batch {
    pub(super) activities: Vec<Activity>,
    pub(super) rejects: Vec<Reject>,
    /// How many rows name another org; they are left out.
    pub(super) foreign: usize,
    /// What else the rows held, in numbers.
    pub(super) counts: Counts,
}

/// A download as a blocking reader. It ends when the sender of parts is dropped.
pub(super) struct Body {
    parts: mpsc::Receiver<Bytes>,
    rest: Bytes,
}

/// Passes batches to `take` until the end of input, or until `take` returns false.
///
/// # Errors
/// If `reader` fails.
pub(super) fn read_batches(
    reader: impl Read,
    format: Format,
    org: &OrgId,
    occurrences: &mut Occurrences,
    mut take: impl FnMut(Batch) -> bool,
) -> Result<(), ReadError> {
    let context = Context { org: Some(org.clone()), ..Context::default() };
    let mut chunks = Chunks::new(reader, format);
    while let Some(chunk) = chunks.next_chunk()? {
        let parsed = salesforce::parse(&chunk, &context);
        chunks.recycle(chunk);
        let mut activities = parsed.activities;
        activities.iter_mut().for_each(|activity| occurrences.number(activity));
        let read = activities.len();
        activities.retain(|activity| activity.org_id == *org);
        let foreign = read - activities.len();
        if !take(Batch { activities, rejects: parsed.rejects, foreign, counts: parsed.counts }) {
            break;
        }
    }
    Ok(())
}

impl Batch {
    /// Returns the number of rows that give no activity for a fault of their own.
    pub(super) fn rejected(&self) -> usize {
        self.rejects.len() + self.foreign
    }
}

impl Body {
    pub(super) fn new(parts: mpsc::Receiver<Bytes>) -> Self {
        Self { parts, rest: Bytes::new() }
    }
}

impl Read for Body {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        while self.rest.is_empty() {
            let Some(part) = self.parts.blocking_recv() else { return Ok(0) };
            self.rest = part;
        }
        let part = self.rest.split_to(buffer.len().min(self.rest.len()));
        (&part[..]).read(buffer)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ingest::testing::ORG;
    use std::collections::BTreeSet;

    const HEADER: &str = "\"EVENT_TYPE\",\"TIMESTAMP\",\"REQUEST_ID\",\"ORGANIZATION_ID\",\"USER_ID\"";

    fn row(org: &str, request: &str) -> String {
        format!("\"Logout\",\"20260302143152.867\",\"{request}\",\"{org}\",\"0055f00000CyENt\"")
    }

    fn read(text: &str) -> Batch {
        let mut all = Batch::default();
        let take = |batch: Batch| {
            all.activities.extend(batch.activities);
            all.rejects.extend(batch.rejects);
            all.foreign += batch.foreign;
            all.counts.append(batch.counts);
            true
        };
        read_batches(text.as_bytes(), Format::Csv, &OrgId::new(ORG), &mut Occurrences::new(), take).unwrap();
        all
    }

    #[test]
    fn r11_every_row_is_an_activity_or_counted() {
        let (good, foreign) = (row(ORG, "r1"), row("00Dxx0000000000EAA", "r2"));
        let broken = good.replace("20260302143152.867", "soon");
        let unwatched = good.replace("Logout", "ApexCallout");
        let batch = read(&[HEADER, &good, "\"short\"", &foreign, &broken, &unwatched, ""].join("\n"));
        assert_eq!((batch.activities.len(), batch.rejected(), batch.counts.ignored()), (1, 3, 1));
        assert_eq!(batch.rejects.iter().map(|reject| reject.line).collect::<Vec<_>>(), [3, 5]);
        assert_eq!(batch.foreign, 1);
    }

    #[test]
    fn r16_field_over_128_kib() {
        let long = "a \"\"quoted\"\" line,\n".repeat(20_000);
        let text = format!("{HEADER},\"QUERY\"\n{},\"{long}\"\n{},\"\"\n", row(ORG, "r1"), row(ORG, "r2"));
        assert!(long.len() > 128 << 10);
        let batch = read(&text);
        assert_eq!((batch.activities.len(), batch.rejected()), (2, 0));
    }

    #[test]
    fn r10_new_columns_are_kept() {
        let text = format!("{HEADER},\"NEW_IN_2027\"\n{},\"12\"\n", row(ORG, "r1"));
        let kept = &read(&text).activities[0].attributes;
        assert!(kept.iter().any(|kept| kept.name == "NEW_IN_2027" && kept.value == "12"), "{kept:?}");
    }

    #[test]
    fn r1_reissued_daily_file_counts_once() {
        let ids = |text: String| -> BTreeSet<_> { read(&text).activities.iter().map(|row| row.id).collect() };
        let (first_row, other, late) = (row(ORG, "r1"), row(ORG, "r2"), row(ORG, "r3"));
        let first = ids([HEADER, &first_row, &other, &first_row].join("\n"));
        // The day again with a late row, in another order and with another column.
        let more = |row: &str| format!("{row},\"\"");
        let again =
            ids([&format!("{HEADER},\"NEW\""), &more(&late), &more(&first_row), &more(&first_row), &more(&other)]
                .map(String::from)
                .join("\n"));
        assert_eq!((first.len(), again.len()), (3, 4));
        assert!(again.is_superset(&first));
    }

    #[tokio::test]
    async fn a_body_has_the_bytes_of_its_parts() {
        let (sender, parts) = mpsc::channel(2);
        let reading = tokio::task::spawn_blocking(move || {
            let mut text = String::new();
            Body::new(parts).read_to_string(&mut text).unwrap();
            text
        });
        for part in ["ab", "", "cde", "f"] {
            sender.send(Bytes::from_static(part.as_bytes())).await.unwrap();
        }
        drop(sender);
        assert_eq!(reading.await.unwrap(), "abcdef");
    }
}
