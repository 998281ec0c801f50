use super::*;

/// A case of candidates by nearness and words; the first one is the cause.
fn case(system: &str, part: &str, candidates: &[(f64, f64)]) -> RefitCase {
    let candidate = |(place, (nearness, words)): (usize, &(f64, f64))| {
        let mut values = [0.0; FITTED_COUNT];
        values[0] = *nearness;
        values[4] = *words;
        RefitCandidate {
            values,
            fixed: 0.0,
            is_cause: place == 0,
        }
    };
    RefitCase {
        name: format!("{system} {part}"),
        system: system.to_owned(),
        part: part.to_owned(),
        candidates: candidates.iter().enumerate().map(candidate).collect(),
    }
}

#[test]
fn a_signal_that_causes_have_gains_weight_and_one_that_others_have_loses_it() {
    let cases = [
        case("a", "1", &[(3.0, 0.0), (1.0, 2.0), (1.0, 0.0)]),
        case("a", "2", &[(2.0, 0.0), (0.0, 1.0)]),
    ];
    let all: Vec<&RefitCase> = cases.iter().collect();
    let fitted = fit(&all, &plain(), 1.0, None);
    assert!(1.0 < fitted[0] && fitted[4] < 0.0, "{fitted:?}");
    // What no case speaks of stays where it comes from.
    assert!((fitted[1] - 1.0).abs() < 1e-9, "{fitted:?}");
}

#[test]
fn one_signal_of_two_candidates_has_the_weight_that_can_be_reckoned_by_hand() {
    // Three of four times the cause has the signal and the other has not; without a ridge the weight is ln 3.
    let has = case("a", "1", &[(1.0, 0.0), (0.0, 0.0)]);
    let lacks = case("a", "1", &[(0.0, 0.0), (1.0, 0.0)]);
    let all = [&has, &has, &has, &lacks];
    let fitted = fit(&all, &plain(), 1e-9, None);
    assert!((fitted[0] - 3.0_f64.ln()).abs() < 1e-6, "{fitted:?}");
    let off = fit(&all, &plain(), 1e-9, Some(0));
    assert_eq!(off[0], 0.0);
}

#[test]
fn a_stronger_ridge_holds_weights_nearer_to_where_they_come_from() {
    let cases = [case("a", "1", &[(3.0, 0.0), (1.0, 0.0)])];
    let all: Vec<&RefitCase> = cases.iter().collect();
    let away = |ridge: f64| (fit(&all, &plain(), ridge, None)[0] - 1.0).abs();
    assert!(away(10.0) < away(1.0) && away(1.0) < away(0.1));
}

#[test]
fn weights_of_a_fold_have_not_seen_its_cases() {
    let mut cases = vec![
        case("a", "1", &[(2.0, 0.0), (0.0, 0.0)]),
        case("a", "2", &[(2.0, 0.0), (0.0, 0.0)]),
        case("b", "1", &[(2.0, 0.0), (0.0, 0.0)]),
    ];
    let told = |cases: &[RefitCase], folds: LeaveOut| {
        let found = out_of_fold(cases, folds, (&plain(), 1.0), None);
        (found.folds, found.ranked[0].confidence)
    };
    let (parts, by_part) = told(&cases, LeaveOut::Parts);
    let (systems, by_system) = told(&cases, LeaveOut::Systems);
    assert_eq!((parts, systems), (3, 2));
    // Whatever becomes of the case itself, or of its fold, moves nothing of how it is told.
    cases[0].candidates[0].values[4] = 50.0;
    cases[0].candidates[1].values[4] = 50.0;
    assert_eq!(told(&cases, LeaveOut::Parts).1, by_part);
    cases[1].candidates[1].values[0] = 9.0;
    assert_eq!(told(&cases, LeaveOut::Systems).1, by_system);
    assert_ne!(told(&cases, LeaveOut::Parts).1, by_part);
}

#[test]
fn a_cause_that_is_no_candidate_is_not_found_and_teaches_nothing() {
    let mut lost = case("a", "1", &[(1.0, 0.0), (2.0, 0.0)]);
    lost.candidates[0].is_cause = false;
    assert_eq!(lost.ranked(&plain()).rank, None);
    assert_eq!(fit(&[&lost], &plain(), 1.0, None), plain());
    let score = RefitScore::of(&[lost.ranked(&plain())]);
    assert_eq!((score.first.share.part, score.first.share.whole), (0, 1));
}

#[test]
fn confidence_is_held_against_how_often_it_was_right() {
    let ranked = |confidence: f64, is_right: bool| Ranked {
        rank: Some(if is_right { 1 } else { 2 }),
        confidence,
        is_right,
    };
    let table = reliability(&[ranked(0.9, true), ranked(1.0, false), ranked(0.3, false)]);
    let shares: Vec<(f64, usize, usize)> = table
        .iter()
        .map(|it| (it.from, it.was.share.part, it.was.share.whole))
        .collect();
    assert_eq!(shares, [(0.2, 0, 1), (0.8, 1, 2)]);
}
