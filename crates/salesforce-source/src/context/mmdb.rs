//! Writes small databases of IPv4 networks in MaxMind's format, version 2.0.

use std::collections::BTreeMap;
use std::net::Ipv4Addr;

pub(super) enum Value {
    Text(&'static str),
    Short(u16),
    Number(u32),
    Long(u64),
    Map(Vec<(&'static str, Value)>),
}

/// Returns a database of networks, each given by its first address and the bits of its prefix.
pub(super) fn database(networks: &[(Ipv4Addr, u32, Value)]) -> Vec<u8> {
    let (mut tree, mut data) = (Tree::default(), Vec::new());
    for (first, bits, value) in networks {
        tree.insert(u32::from(*first), *bits, data.len());
        value.write(&mut data);
    }
    let mut bytes = tree.bytes();
    bytes.extend([0; 16]);
    bytes.extend(data);
    bytes.extend(b"\xab\xcd\xefMaxMind.com");
    let nodes = u32::try_from(tree.nodes.len()).unwrap();
    let metadata = [
        ("binary_format_major_version", Value::Short(2)),
        ("binary_format_minor_version", Value::Short(0)),
        ("build_epoch", Value::Long(1_772_452_800)),
        ("database_type", Value::Text("Test")),
        ("description", Value::Map(vec![])),
        ("ip_version", Value::Short(4)),
        ("node_count", Value::Number(nodes)),
        ("record_size", Value::Short(24)),
    ];
    bytes.push(7 << 5 | 9);
    for (key, value) in metadata {
        Value::Text(key).write(&mut bytes);
        value.write(&mut bytes);
    }
    Value::Text("languages").write(&mut bytes);
    // An empty array, an extended type.
    bytes.extend([0, 11 - 7]);
    bytes
}

impl Value {
    fn write(&self, out: &mut Vec<u8>) {
        // A size of 29 or more takes another byte.
        let head = |kind: u8, size: usize| {
            let more = size.checked_sub(29).map(|more| u8::try_from(more).unwrap());
            let first = more.map_or_else(|| u8::try_from(size).unwrap(), |_| 29);
            [kind << 5 | first].into_iter().chain(more)
        };
        match self {
            Self::Text(text) => {
                out.extend(head(2, text.len()));
                out.extend(text.bytes());
            }
            Self::Short(number) => {
                out.extend(head(5, 2));
                out.extend(number.to_be_bytes());
            }
            Self::Number(number) => {
                out.extend(head(6, 4));
                out.extend(number.to_be_bytes());
            }
            Self::Long(number) => {
                // An extended type: the second byte is the type minus 7.
                out.extend([8, 9 - 7]);
                out.extend(number.to_be_bytes());
            }
            Self::Map(fields) => {
                out.extend(head(7, fields.len()));
                for (key, value) in fields {
                    Self::Text(key).write(out);
                    value.write(out);
                }
            }
        }
    }
}

/// The search tree: each node has a record for the next bit 0 and one for 1.
struct Tree {
    nodes: Vec<[Option<usize>; 2]>,
    /// The offset of the data of a node's record.
    data: BTreeMap<(usize, usize), usize>,
}

impl Default for Tree {
    fn default() -> Self {
        Self { nodes: vec![[None; 2]], data: BTreeMap::new() }
    }
}

impl Tree {
    fn insert(&mut self, first: u32, bits: u32, offset: usize) {
        let (mut node, bit) = (0, |depth: u32| (first >> (31 - depth) & 1) as usize);
        for depth in 0..bits - 1 {
            let new = self.nodes.len();
            let next = *self.nodes[node][bit(depth)].get_or_insert(new);
            if next == new {
                self.nodes.push([None; 2]);
            }
            node = next;
        }
        self.data.insert((node, bit(bits - 1)), offset);
    }

    fn bytes(&self) -> Vec<u8> {
        let count = self.nodes.len();
        let record = |node: usize, side: usize| {
            let data = self.data.get(&(node, side)).map(|offset| count + 16 + offset);
            let value = data.or(self.nodes[node][side]).unwrap_or(count);
            u32::try_from(value).unwrap().to_be_bytes()[1..].to_vec()
        };
        (0..count).flat_map(|node| [record(node, 0), record(node, 1)]).flatten().collect()
    }
}
