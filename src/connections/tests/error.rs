//! The error that is claimed is the error that there is, over many seeds.

use super::*;

/// What a row can be that is looked for.
type What = (&'static str, fn(&ConnRow<'_>) -> bool);

const WHAT: [What; 7] = [
    ("server 1", |row| row.server == server("10.1.1.2:80") && !row.is_template()),
    ("server 2 established", |row| {
        row.server == server("10.1.2.2:80") && row.state == b"ESTABLISHED"
    }),
    ("half open", |row| row.state == b"SYN_RECV"),
    ("templates", |row| row.is_template()),
    ("orphans", |row| row.server == server("10.1.9.2:80")),
    ("a busy client", |row| row.client.to_string() == "10.9.0.1"),
    ("everything", |_| true),
];

/// 6,000 rows: a tenth templates, one in thirty orphans.
fn population() -> Vec<String> {
    let mut dice = Dice::new(1);
    // Templates of one client and server would look alike.
    let mut seen = std::collections::HashSet::new();
    (0..6_000)
        .map(|number| {
            let client = if dice.below(50) == 0 { 1 } else { 2 + dice.below(3_000) as u32 };
            let client = 0x0A09_0000 + client;
            let server = [1, 1, 1, 2, 2, 3][dice.below(6)];
            match dice.below(30) {
                0..3 => web(client, 0, server, "NONE", number),
                3 => web(client, 1_024 + number as usize, 9, "ESTABLISHED", 900),
                4..10 => web(client, 1_024 + number as usize, server, "TIME_WAIT", 100),
                10 => web(client, 1_024 + number as usize, server, "SYN_RECV", 59),
                _ => web(client, 1_024 + number as usize, server, "ESTABLISHED", 900),
            }
        })
        .filter(|line| seen.insert(line.get(..48).unwrap_or_default().to_owned()))
        .collect()
}

/// How often the true value lies in the range, for each of [`WHAT`], in per cent; and the mean
/// width of the range of the first.
fn coverage(source: Source, told: bool, size: usize) -> (Vec<f64>, f64) {
    const SEEDS: u32 = 400;
    let all = population();
    let mut snapshot = table(&[(
        "TCP 10.0.0.1:80",
        "wrr",
        &[("10.1.1.2:80", 3), ("10.1.2.2:80", 2), ("10.1.3.2:80", 1)],
    )]);
    snapshot.source = source;
    count(&mut snapshot, &all);
    let is: Vec<[bool; WHAT.len()]> = all
        .iter()
        .map(|line| {
            let row = ConnRow::parse(line.as_bytes()).unwrap();
            WHAT.map(|(_, holds)| holds(&row))
        })
        .collect();
    let truth: Vec<u64> =
        (0..WHAT.len()).map(|what| is.iter().filter(|is| is[what]).count() as u64).collect();
    let places: Vec<usize> = (0..all.len()).collect();
    let told = told.then_some(all.len() as u64);
    let mut hits = [0; WHAT.len()];
    let mut width = 0.0;
    for seed in 0..SEEDS {
        let drawn = Dice::new(seed.into()).draw(&places, size);
        let lines: Vec<&str> = drawn.iter().map(|place| all[*place].as_str()).collect();
        let survey = survey(&lines, End::Budget, told, &snapshot);
        for what in 0..WHAT.len() {
            let mut tally = Tally::default();
            // The rows are held in the order of the lines, none was repeated.
            for (row, place) in survey.rows.iter().zip(&drawn) {
                if is[*place][what] {
                    survey.tally(&mut tally, &row);
                }
            }
            let found = survey.scale.count(tally);
            let (truth, high) = (truth[what], found.high.unwrap());
            assert!(found.low <= found.value && found.value <= high, "{found:?}");
            hits[what] += u32::from(found.low <= truth && truth <= high);
            if what == 0 {
                width += (high - found.low) as f64 / f64::from(SEEDS);
            }
        }
    }
    (hits.iter().map(|hits| f64::from(*hits) * 100.0 / f64::from(SEEDS)).collect(), width)
}

#[test]
fn ninety_five_of_a_hundred_ranges_hold_the_truth() {
    for (source, told) in [(Source::Netlink, false), (Source::Proc, false), (Source::Netlink, true)]
    {
        for size in [150, 600, 2_500] {
            let (coverage, width) = coverage(source, told, size);
            let sum: f64 = coverage.iter().sum();
            let mean = sum / coverage.len() as f64;
            let told: Vec<String> =
                WHAT.iter().zip(&coverage).map(|((what, _), c)| format!("{what} {c}")).collect();
            let case = format!("{source:?}, {told:?}, {size} rows, width {width}: {mean}");
            assert!(coverage.iter().all(|c| *c >= 91.5), "{case}");
            assert!(mean >= 93.5, "{case}");
            // And they are no wider than they must be: p(1-p)/n of the first, known to be 0.43.
            let rest = 1.0 - size as f64 / 5_900.0;
            let due = 2.0 * 1.96 * (0.43 * 0.57 / size as f64 * rest).sqrt() * 5_900.0;
            assert!(width < due * 1.15, "{case}, due {due}");
        }
    }
}

#[test]
fn a_sample_of_everything_is_exact() {
    let all = population();
    let mut snapshot = table(&[("TCP 10.0.0.1:80", "wrr", &[("10.1.1.2:80", 3)])]);
    count(&mut snapshot, &all);
    let survey = survey(&all, End::Whole, None, &snapshot);
    assert!(survey.is_whole() && survey.all().is_exact());
    let none = survey.scale.count(Tally::default());
    assert_eq!(none, Estimate::exact(0));
}
