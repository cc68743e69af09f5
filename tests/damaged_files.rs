//! Many damaged files: seeded mutations of each kind of file that the program writes, read by the real binary.

#[path = "support/process.rs"]
#[expect(dead_code, reason = "files need no running org")]
mod process;

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};

use process::{Process, Sandbox, one_at_a_time};
use serde_json::Value;

/// The number of mutations of each file.
const SEEDS: u64 = 24;

/// SplitMix64 (Steele, Lea, Flood 2014): the same mutations on every machine.
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    fn below(&mut self, bound: usize) -> usize {
        usize::try_from(self.next() % bound.max(1) as u64).expect("below a usize")
    }
}

/// One mutation of some bytes, and its name for messages.
fn mutated(bytes: &[u8], random: &mut Random) -> (&'static str, Vec<u8>) {
    let mut bytes = bytes.to_vec();
    let at = random.below(bytes.len());
    let name = match random.below(8) {
        0 => {
            bytes[at] ^= 1 << random.below(8);
            "a flipped bit"
        }
        1 => {
            bytes.truncate(at);
            "a cut"
        }
        2 => {
            let junk: Vec<u8> = (0..64).map(|_| random.next().to_le_bytes()[0]).collect();
            bytes.splice(at..at, junk);
            "junk in between"
        }
        3 => {
            let end = (at + random.below(4096)).min(bytes.len());
            bytes.drain(at..end);
            "a missing piece"
        }
        4 => {
            let end = (at + 512).min(bytes.len());
            bytes[at..end].fill(0);
            "zeros"
        }
        5 => {
            let end = (at + random.below(2048)).min(bytes.len());
            let piece = bytes[at..end].to_vec();
            bytes.splice(at..at, piece);
            "a piece twice"
        }
        6 => {
            bytes.splice(at..at, std::iter::repeat_n(b'[', 100_000));
            "deep nesting"
        }
        _ => {
            bytes.splice(at..at, std::iter::repeat_n(b'9', 5_000));
            "a long number"
        }
    };
    (name, bytes)
}

/// Returns the output of `tail --input` and its exit code. Fails on a panic, a signal, or output that is not JSON
/// lines.
fn read(sandbox: &Sandbox, what: &str) -> (Vec<Value>, i32) {
    let mut command = Command::new(env!("CARGO_BIN_EXE_consentwatch"));
    command.env_clear().envs(sandbox.environment(None)).current_dir(sandbox.path(""));
    command.args(["tail", "--input", "file", "--format", "json"]);
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let output = Process::over(one_at_a_time(|| command.spawn()).expect("the binary starts")).end();
    let code = output.code.unwrap_or_else(|| panic!("{what}: ended by a signal: {}", output.err));
    assert!(code == 0 || code == 1, "{what}: ended with {code}: {}", output.err);
    assert!(!output.err.contains("panicked"), "{what}: {}", output.err);
    assert!(code == 0 || !output.err.trim().is_empty(), "{what}: ended with 1 and said nothing");
    let parse =
        |line: &str| serde_json::from_str(line).unwrap_or_else(|error| panic!("{what}: {error}: {line}"));
    (output.out.lines().map(parse).collect(), code)
}

/// Returns the event of a line, without the fields that depend on the rest of the file.
fn event(line: &Value) -> String {
    line["raw"].to_string()
}

#[test]
fn no_damage_to_a_file_makes_a_panic_or_a_false_event_without_a_word() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/formats");
    let sandbox = Sandbox::new();
    let mut random = Random(7);
    let mut told = 0;
    for name in ["snapshot.json", "consents.jsonl", "raw.jsonl"] {
        let good = fs::read(folder.join(name)).expect("a golden file");
        fs::write(sandbox.path("file"), &good).expect("a file");
        let (lines, code) = read(&sandbox, name);
        assert_eq!(code, 0, "{name} is good");
        let events: BTreeSet<String> = lines.iter().map(event).collect();
        assert!(events.len() > 5, "{name} holds events");
        for seed in 0..SEEDS {
            let (mutation, bytes) = mutated(&good, &mut random);
            fs::write(sandbox.path("file"), &bytes).expect("a file");
            let what = format!("{name}, mutation {seed}, {mutation}");
            let (lines, code) = read(&sandbox, &what);
            told += usize::from(code == 1);
            // A snapshot has a digest of its consents, so a changed or missing one is reported. Lines have none.
            let found: BTreeSet<String> = lines.iter().map(event).collect();
            assert!(
                name != "snapshot.json" || code == 1 || found == events,
                "{what}: a false event without a word"
            );
        }
    }
    assert!(told > SEEDS as usize, "most damage is told: {told}");
}
