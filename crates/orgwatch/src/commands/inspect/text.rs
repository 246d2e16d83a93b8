//! The report of a file as text.

use super::report::{FileReport, Sample};
use crate::summary;
use std::fmt::{self, Display, Formatter};

impl Display for FileReport {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        writeln!(f, "{}", self.file.display())?;
        let line = |f: &mut Formatter<'_>, name: &str, value: &str| {
            if value.is_empty() { Ok(()) } else { writeln!(f, "  {name:<13} {value}") }
        };
        let packing = self.packing.iter().map(|name| format!("{name}, "));
        line(f, "written as", &format!("{}{}, {}", packing.collect::<String>(), self.format, self.encoding))?;
        line(f, "envelope", &self.envelope.join(" > "))?;
        let head = if self.is_whole { String::new() } else { format!(" (of the first {} records)", self.records) };
        let kinds = listed(
            self.kinds.iter().map(|it| format!("{} {} by {}", it.count, it.kind, summary::channel_name(it.channel))),
        );
        line(f, "events", &if kinds.is_empty() { format!("none{head}") } else { kinds + &head })?;
        let said = listed(self.types.iter().map(|it| format!("{} from {}", it.name, it.from.as_str())));
        let is_said = said.is_empty() && !self.kinds.is_empty();
        line(f, "type", if is_said { "from the records" } else { &said })?;
        line(f, "not watched", &counted(&self.not_watched))?;
        if let (Some(from), Some(to)) = (self.from, self.to) {
            line(f, "time", &format!("{from} to {to}"))?;
            line(f, "users", &self.users.to_string())?;
            line(f, "org", &listed(self.orgs.iter()))?;
        }
        line(
            f,
            "columns",
            &listed(self.columns.iter().map(
                |(name, field)| {
                    if name == field { name.clone() } else { format!("{name} as {field}") }
                },
            )),
        )?;
        line(f, "passed over", &listed(self.passed_over.iter()))?;
        line(f, "kept as is", &listed(self.attributes.iter()))?;
        line(f, "unread values", &counted(&self.unread))?;
        for (number, sample) in self.samples.iter().enumerate() {
            line(f, if number == 0 { "samples" } else { "" }, &sample.to_string())?;
        }
        for reject in &self.rejects {
            let example = summary::example(&reject.fault, &reject.found.first);
            line(f, "set aside", &format!("{}: {} ({example})", reject.found.count, reject.fault))?;
        }
        line(f, "breaks off", self.broken.as_deref().unwrap_or_default())?;
        self.advice.iter().try_for_each(|advice| line(f, "to do", advice))
    }
}

impl Display for Sample {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        write!(f, "{} {} {}", self.time, self.user, self.kind)?;
        if let Some(operation) = &self.operation {
            write!(f, " {operation}")?;
        }
        write!(f, " ({})", self.effect)?;
        if !self.objects.is_empty() {
            write!(f, " {}", self.objects.join("+"))?;
        }
        if let Some(rows) = self.rows {
            write!(f, ", {rows} rows")?;
        }
        self.address.as_ref().map_or(Ok(()), |address| write!(f, ", from {address}"))
    }
}

fn counted<N: Display>(counts: &std::collections::BTreeMap<N, u64>) -> String {
    listed(counts.iter().map(|(name, count)| format!("{name} {count}")))
}

fn listed(items: impl Iterator<Item = impl Display>) -> String {
    items.map(|item| item.to_string()).collect::<Vec<_>>().join(", ")
}
