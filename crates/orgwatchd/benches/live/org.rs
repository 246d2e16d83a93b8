//! Simulated orgs in files, which the first run writes.

use files::{Batch, InputError};
use model::OrgId;
use simulator::{Plan, Simulation};
use std::fs::{self, File};
use std::io::{BufRead, BufReader, BufWriter, Write};
use std::path::{Path, PathBuf};
use std::str::FromStr;

/// One simulated org.
pub(crate) struct Org {
    pub(crate) id: OrgId,
    pub(crate) users: u32,
    pub(crate) events: usize,
    pub(crate) bytes: u64,
    pub(crate) path: PathBuf,
}

impl Org {
    pub(crate) fn write(seed: u64) -> Self {
        let users = number("ORGWATCH_BENCH_USERS").unwrap_or(200);
        let plan = Plan::new(users, number("ORGWATCH_BENCH_DAYS").unwrap_or(60), seed);
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../target/bench");
        let path = folder.join(format!("live-{users}-{}-{seed}.ndjson", plan.days));
        if !path.exists() {
            fs::create_dir_all(&folder).unwrap();
            write(plan, &path);
        }
        let events = BufReader::new(File::open(&path).unwrap()).split(b'\n').count();
        let id = OrgId::new(&format!("00Dhn00000{seed:05}AAA"));
        Self { id, users, events, bytes: fs::metadata(&path).unwrap().len(), path }
    }

    /// Passes the activities, ordered by time, to `take`.
    pub(crate) fn read(&self, mut take: impl FnMut(&mut Batch)) {
        let (inputs, _) = files::expand(
            std::slice::from_ref(&self.path),
            &files::Context { org: Some(self.id.clone()), ..Default::default() },
        )
        .unwrap();
        files::read(&inputs, Some(&self.id), 2, |batch| {
            take(batch);
            Ok::<_, InputError>(())
        })
        .unwrap();
    }
}

/// Returns the number of a variable, if it is set.
pub(crate) fn number<T: FromStr>(variable: &str) -> Option<T> {
    let text = std::env::var(variable).ok()?;
    Some(text.parse().unwrap_or_else(|_| panic!("{variable}: not a number: {text:?}")))
}

fn write(plan: Plan, path: &Path) {
    println!("writing {}", path.display());
    let part = path.with_extension("part");
    let mut file = BufWriter::new(File::create(&part).unwrap());
    let mut line = Vec::new();
    for event in Simulation::new(plan).unwrap().flat_map(|day| day.events) {
        line.clear();
        event.write_json(&mut line);
        file.write_all(&line).unwrap();
    }
    file.flush().unwrap();
    fs::rename(&part, path).unwrap();
}
