use salesforce::*;
fn main() {
    for path in std::env::args().skip(1) {
        let bytes = std::fs::read(&path).unwrap();
        let format = detect(&bytes[..bytes.len().min(4096)]);
        let name = path.rsplit('/').next().unwrap();
        let Some(format) = format else { println!("{name}: no format"); continue };
        let looks = looks_like_events(&bytes);
        let mut chunks = Chunks::new(&bytes[..], format);
        let ctx = Context { org: Some(model::OrgId::new("00Dhn0000018hrc")) };
        let (mut n, mut ig) = (0, 0);
        while let Some(c) = chunks.next_chunk().unwrap() {
            let p = parse(&c, &ctx);
            if n == 0 { if let Some(a) = p.activities.first() { println!("{a:?}"); } }
            n += p.activities.len(); ig += p.ignored;
            for r in p.rejects.iter().take(2) { println!("  reject {} {} | {}", r.line, r.reason, r.excerpt); }
        }
        println!("{name}: {format:?} looks={looks} {n} activities, {ig} ignored");
    }
}
