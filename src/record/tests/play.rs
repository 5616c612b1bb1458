//! Time, speed, pause, jumps.

use jiff::SignedDuration;

use super::*;
use crate::history::Metric;
use crate::snapshot::Moment;

fn at(millis: u64) -> Moment {
    Moment(Duration::from_millis(millis))
}

/// 700 readings at 1 s with a change at the 100th, 350th and 600th.
fn recording() -> (Recording, Vec<Snapshot>) {
    let director = director("dns-udp");
    let disk = Disk::default();
    let mut recorder = recorder(&disk, Limits::default());
    let mut all = Vec::new();
    for n in 0..700 {
        if [100, 350, 600].contains(&n) {
            set_weight(&director, &all[n - 1], n as u32);
        }
        let reading = readings(&director, 1).remove(0);
        recorder.take(&Seen::Snapshot(Arc::clone(&reading)));
        if [100, 350, 600].contains(&n) {
            recorder.take(&Seen::Theirs(Arc::new(vec![theirs(&reading, 1)])));
        }
        all.push(kept((*reading).clone()));
    }
    drop(recorder);
    (Recording::of(disk.bytes()).unwrap(), all)
}

/// Plays for so long, a look every 10 ms; returns which snapshots were shown.
fn play(player: &mut Player, from: u64, until: u64, all: &[Snapshot]) -> Vec<usize> {
    let mut shown = Vec::new();
    for now in (from..until).step_by(10) {
        while let Some(step) = player.next(at(now)) {
            if let Step::Snapshot(snapshot) = step {
                shown.push(all.iter().position(|s| *s == *snapshot).unwrap());
            }
        }
    }
    shown
}

#[test]
fn it_plays_as_fast_as_it_was_and_as_is_asked_for() {
    let (recording, all) = recording();
    let mut player = Player::new(recording, at(0));
    assert_eq!(play(&mut player, 0, 3_500, &all), [0, 1, 2, 3]);
    player.faster(1, at(3_500));
    assert_eq!(player.playing().speed, 2.0);
    assert_eq!(play(&mut player, 3_500, 5_500, &all), [4, 5, 6, 7]);
    player.pause(true, at(5_500));
    assert!(play(&mut player, 5_500, 60_000, &all).is_empty());
    assert_eq!(player.due(at(60_000)), None);
    player.pause(false, at(60_000));
    player.faster(100, at(60_000));
    assert_eq!(player.playing().speed, 60.0);
    assert_eq!(play(&mut player, 60_000, 61_000, &all).len(), 59);
    player.faster(-100, at(61_000));
    assert_eq!(player.playing().speed, 0.5);
    let shown = play(&mut player, 61_000, 65_000, &all);
    assert_eq!(shown.len(), 2, "{shown:?}");
}

#[test]
fn it_stops_at_its_end() {
    let (recording, all) = recording();
    let mut player = Player::new(recording, at(0));
    let end = player.playing().last;
    player.jump(To::Time(end - SignedDuration::from_secs(2)), at(0)).unwrap();
    assert_eq!(play(&mut player, 0, 10_000, &all), [698, 699]);
    let playing = player.playing();
    assert!(playing.paused && playing.ended && playing.time == end, "{playing:?}");
    player.pause(false, at(10_000));
    assert!(player.playing().paused, "there is nothing to go on with");
    assert!(player.jump(To::Snapshot(Direction::Forward), at(10_000)).is_none());
}

#[test]
fn a_jump_brings_the_past_along() {
    let (recording, all) = recording();
    let mut player = Player::new(recording, at(0));
    let key = all[0].services[0].service.key;
    for n in [650, 3, 299, 300, 301, 0, 699] {
        let scene = player.jump(To::Time(all[n].taken), at(0)).unwrap();
        assert!(*scene.snapshot == all[n], "{n}");
        let past = scene.history.service(&key).unwrap();
        let window = Duration::from_secs(1_800);
        let known = past.window(Metric::Active, all[n].at, window, 1_800, window);
        let known = known.iter().flatten().count();
        assert!(known >= n.min(600), "{n}: {known}");
        let changes = [100, 350, 600].iter().filter(|c| **c <= n).count();
        assert_eq!(scene.outside.outside(), changes as u64, "{n}");
        assert_eq!(scene.about.as_ref().map(|a| a.name.as_str()), Some("demo"));
    }
    let half = all[5].taken + SignedDuration::from_millis(500);
    assert!(*player.jump(To::Time(half), at(0)).unwrap().snapshot == all[5]);
    let by = |seconds| To::By(SignedDuration::from_secs(seconds));
    assert!(*player.jump(by(60), at(0)).unwrap().snapshot == all[65]);
    assert!(*player.jump(by(-70), at(0)).unwrap().snapshot == all[0]);
    assert!(*player.jump(by(1 << 40), at(0)).unwrap().snapshot == all[699]);
}

#[test]
fn it_steps_and_finds_changes() {
    let (recording, all) = recording();
    let mut player = Player::new(recording, at(0));
    player.pause(true, at(0));
    let mut go = |to| {
        let snapshot = player.jump(to, at(0)).map(|scene| scene.snapshot);
        snapshot.map(|s| all.iter().position(|other| *other == *s).unwrap())
    };
    let next = To::Change(Direction::Forward);
    let last = To::Change(Direction::Back);
    assert_eq!([go(next), go(next), go(next), go(next)], [Some(100), Some(350), Some(600), None]);
    assert_eq!(go(To::Snapshot(Direction::Back)), Some(599));
    assert_eq!(go(next), Some(600));
    assert_eq!(go(To::Snapshot(Direction::Forward)), Some(601));
    assert_eq!([go(last), go(last), go(last), go(last)], [Some(600), Some(350), Some(100), None]);
    assert_eq!(go(To::Time(all[0].taken)), Some(0));
    assert_eq!(go(To::Snapshot(Direction::Back)), None);
}

/// 400 readings at 1 s, the wall clock being set back by 100 s before the 150th and the 350th.
fn set_back() -> (Vec<u8>, Vec<Snapshot>) {
    let all = readings(&director("dns-udp"), 400);
    let set_back = |(n, reading): (usize, &Arc<Snapshot>)| {
        let mut reading = (**reading).clone();
        let times = usize::from(n >= 150) + usize::from(n >= 350);
        reading.taken -= SignedDuration::from_secs(100 * times as i64);
        Arc::new(reading)
    };
    let all: Vec<_> = all.iter().enumerate().map(set_back).collect();
    (recorded(&all), as_kept(&all))
}

#[test]
fn a_time_that_was_twice_is_found_where_it_was_recorded_last() {
    let (bytes, all) = set_back();
    let recording = Recording::of(bytes.clone()).unwrap();
    let mut player = Player::new(Recording::of(bytes).unwrap(), at(0));
    let begun = all[0].taken;
    let at_second = |n: i64| begun + SignedDuration::from_secs(n);
    // Which second was first that of the snapshot, and which is found for it.
    for (second, n) in
        [(0, 0), (49, 49), (50, 150), (149, 249), (150, 350), (199, 399), (200, 300), (249, 349)]
    {
        let time = at_second(second);
        assert!(*recording.at(time).unwrap() == all[n], "{second}");
        assert!(*player.jump(To::Time(time), at(0)).unwrap().snapshot == all[n], "{second}");
    }
    assert!(*recording.at(at_second(-5)).unwrap() == all[0]);
    assert!(*recording.at(at_second(1_000)).unwrap() == all[349]);
    // Between two seconds, of one of them.
    let half = at_second(60) + SignedDuration::from_millis(500);
    assert!(*recording.at(half).unwrap() == all[160]);
    // Every snapshot of a span, however often it was.
    for (from, until) in [(0, 400), (60, 70), (140, 160), (195, 205)] {
        let span = at_second(from)..=at_second(until);
        let steps = recording.steps_between(*span.start(), *span.end());
        let found = steps.filter_map(Step::snapshot).filter(|s| span.contains(&s.taken)).count();
        let wanted = all.iter().filter(|s| span.contains(&s.taken)).count();
        assert_eq!(found, wanted, "{from} to {until}");
    }
}

#[test]
fn a_time_in_which_nothing_was_recorded_is_passed_over() {
    let all = readings(&director("dns-udp"), 700);
    let few: Vec<_> = [&all[..3], &all[600..603]].concat();
    let kept = as_kept(&few);
    let mut player = Player::new(Recording::of(recorded(&few)).unwrap(), at(0));
    let shown = play(&mut player, 0, 6_000, &kept);
    assert_eq!(shown, [0, 1, 2, 3, 4, 5], "nearly ten minutes in a second");
}
