//! The layout of the list's columns: which of them fit, and how wide each is.
//!
//! WHO and CLIENT have priority: an optional column is shown only if most cells of both still fit beside it. No column
//! takes room that no row on the screen needs.

use super::{Column, Fit, Shape};

/// The limits on the width of a column, whatever its rows contain.
struct Rule {
    column: Column,
    /// The column is not drawn narrower, unless its rows need less.
    least: u16,
    /// The column is not drawn wider while another column needs room.
    most: u16,
    /// The width assumed while there are no rows.
    usual: u16,
    /// The column's share of the room that is left once every column has its claim.
    share: u16,
}

const fn rule(column: Column, least: u16, most: u16, usual: u16, share: u16) -> Rule {
    Rule { column, least, most, usual, share }
}

/// The columns by priority. The last ones are dropped first.
const TABLE: [Rule; Column::ALL.len()] = [
    rule(Column::Time, 8, 12, 8, 0),
    rule(Column::Who, 10, 48, 24, 3),
    rule(Column::Kind, 5, 13, 6, 0),
    rule(Column::Client, 12, 40, 20, 2),
    rule(Column::Org, 4, 20, 8, 0),
    rule(Column::Scopes, 12, u16::MAX, 24, 4),
    rule(Column::State, 5, 14, 8, 0),
    rule(Column::From, 6, 44, 30, 2),
    rule(Column::Server, 6, 24, 10, 1),
    rule(Column::Via, 4, 9, 4, 0),
    rule(Column::Age, 5, 5, 5, 0),
];

/// The width of an IPv4 address. Longer addresses and server names get more only after WHO and CLIENT.
const ADDRESS: u16 = 15;
/// The width at which most lists of scopes can be told apart.
const SCOPES: u16 = 14;

/// The room that must be left over before kinds and states get their long forms.
const AT_EASE: u16 = 16;

/// A chosen column while its width is computed.
struct Wish {
    column: Column,
    width: u16,
    /// The width that the column gets before a column of lower priority is shown at all.
    claim: u16,
    /// The width at which every cell fits, up to the rule's limit.
    full: u16,
    share: u16,
}

impl Wish {
    fn of(rule: &Rule, width: Option<u16>, fit: &Fit) -> Self {
        if let Some(width) = width {
            return Self { column: rule.column, width, claim: width, full: width, share: 0 };
        }
        let needs = fit.needs(rule.column);
        let head = rule.column.head().len() as u16;
        let whole = needs.last().copied().unwrap_or(rule.usual).max(head);
        let full = whole.min(rule.most);
        // A new row may have a longer word than the rows shown now, and must not be truncated.
        let words = if matches!(rule.column, Column::Kind | Column::State) { rule.usual } else { head };
        let full = full.max(words);
        let short = fit.short(rule.column).unwrap_or(rule.usual).max(words).min(full);
        let nine_of_ten = needs.get(needs.len() * 9 / 10).copied().unwrap_or(rule.usual);
        let claim = match rule.column {
            Column::Who | Column::Client => nine_of_ten.clamp(rule.least.min(full), full),
            Column::Scopes => full.min(SCOPES),
            Column::Kind | Column::State => short,
            Column::From | Column::Server => short.min(ADDRESS),
            _ => full,
        };
        Self { column: rule.column, width: rule.least.min(claim), claim, full, share: rule.share }
    }
}

/// Returns the columns that fit, left to right, each as column, heading, left edge and width. The first cell of a line
/// is left free for the mark.
pub fn columns(width: u16, shape: &Shape, fit: &Fit) -> Vec<(Column, &'static str, u16, u16)> {
    let room = width.saturating_sub(1);
    let mut chosen: Vec<Wish> = Vec::new();
    let mut is_closed = false;
    let sum = |chosen: &[Wish], of: fn(&Wish) -> u16| {
        let gaps = (chosen.len() as u16).saturating_sub(1);
        chosen.iter().fold(gaps, |sum, wish| sum.saturating_add(of(wish)))
    };
    for rule in &TABLE {
        let column = rule.column;
        let Some(entry) = shape.entries().iter().find(|entry| entry.column == column && entry.is_shown)
        else {
            continue;
        };
        if entry.width.is_none() && (is_closed || fit.folds(column)) {
            continue;
        }
        if column == Column::Org && !fit.has_several_orgs() {
            continue;
        }
        let may_go = !matches!(
            column,
            Column::Time | Column::Who | Column::Kind | Column::Client | Column::Org | Column::Scopes
        );
        chosen.push(Wish::of(rule, entry.width, fit));
        let is_too_much = sum(&chosen, |wish| wish.width) > room
            // A column with a width set by the user is kept.
            || may_go && entry.width.is_none() && sum(&chosen, |wish| wish.claim) > room;
        if !is_too_much {
            continue;
        }
        // If the first column alone is too wide, it is narrowed. Any other column is dropped.
        if let ([only], 1..) = (chosen.as_mut_slice(), room) {
            (only.width, only.full) = (room, room);
        } else {
            chosen.pop();
        }
        // After a column that did not fit, only columns with a width set by the user are added.
        is_closed = true;
        if chosen.len() <= 1 {
            break;
        }
    }
    let mut left = room.saturating_sub(sum(&chosen, |wish| wish.width));
    let mut grow = |column: Column, to: fn(&Wish) -> u16| {
        if let Some(wish) = chosen.iter_mut().find(|wish| wish.column == column) {
            let more = to(wish).saturating_sub(wish.width).min(left);
            wish.width += more;
            left -= more;
        }
    };
    // A truncated date is useless.
    grow(Column::Time, |wish| wish.full);
    grow(Column::Kind, |wish| wish.claim);
    // Without its org, an id or a name says little.
    grow(Column::Org, |wish| wish.claim);
    // The others' claims fit, or those columns would not have been chosen.
    let others = chosen.iter().filter(|wish| !matches!(wish.column, Column::Who | Column::Client));
    let claimed: u16 = others.map(|wish| wish.claim.saturating_sub(wish.width)).sum();
    let claims: u16 = chosen.iter().map(|wish| wish.claim.saturating_sub(wish.width)).sum();
    let reserve = if claims <= left { claimed } else { 0 };
    left = reserve + fill(&mut chosen, left - reserve, fit);
    for column in [Column::Scopes, Column::State, Column::From, Column::Server, Column::Via, Column::Age] {
        for wish in chosen.iter_mut().filter(|wish| wish.column == column) {
            let more = wish.claim.saturating_sub(wish.width).min(left);
            wish.width += more;
            left -= more;
        }
    }
    // Kinds and states have short forms, so they are widened only once the texts have room.
    for wish in chosen.iter_mut().filter(|wish| matches!(wish.column, Column::Kind | Column::State)) {
        let more = wish.full.saturating_sub(wish.width);
        if left >= more + AT_EASE {
            wish.width += more;
            left -= more;
        }
    }
    // Then texts are widened by their shares: first up to what a row needs, then further for rows to come.
    left = share(&mut chosen, left, |wish| wish.full);
    share(&mut chosen, left, |wish| match wish.column {
        Column::Scopes => u16::MAX,
        Column::Server => wish.full,
        column => TABLE.iter().find(|rule| rule.column == column).map_or(0, |rule| rule.usual).max(wish.full),
    });
    let mut x = 1;
    let mut placed = Vec::new();
    for wanted in shape.entries() {
        if let Some(wish) = chosen.iter().find(|wish| wish.column == wanted.column) {
            placed.push((wish.column, wish.column.head(), x, wish.width));
            x += wish.width + 1;
        }
    }
    placed
}

/// Widens WHO and CLIENT so that as many of their cells as possible fit, and returns the room that is left.
fn fill(chosen: &mut [Wish], room: u16, fit: &Fit) -> u16 {
    let find = |column: Column| {
        let at = chosen.iter().position(|wish| wish.column == column)?;
        let wish = &chosen[at];
        (wish.share > 0).then_some((at, wish.width, wish.full))
    };
    let widths = |column: Column, from: u16, full: u16| -> Vec<(u16, usize)> {
        let needs = fit.needs(column);
        // A few very long names must not take room from the scopes of every row.
        let most =
            needs.get((needs.len() * 19).div_ceil(20).saturating_sub(1)).map_or(full, |most| full.min(*most));
        let full = most.max(from);
        let mut steps = vec![(from, needs.partition_point(|need| *need <= from))];
        for (at, need) in needs.iter().enumerate().filter(|(_, need)| **need > from && **need <= full) {
            match steps.last_mut() {
                Some(last) if last.0 == *need => last.1 = at + 1,
                _ => steps.push((*need, at + 1)),
            }
        }
        if needs.is_empty() {
            steps.push((full, 1));
        }
        steps
    };
    let (who, client) = (find(Column::Who), find(Column::Client));
    let none = [(0, 0)];
    let of = |found: Option<(usize, u16, u16)>, column| {
        found.map_or(none.to_vec(), |(_, width, full)| widths(column, width.min(full), full))
    };
    let (whos, clients) = (of(who, Column::Who), of(client, Column::Client));
    let mut best = (0, 0, 0);
    for (one, read) in &whos {
        let cost = *one - whos[0].0;
        if cost > room {
            break;
        }
        let fitting = clients.partition_point(|(other, _)| other - clients[0].0 <= room - cost);
        let Some((other, also)) = clients.get(fitting.saturating_sub(1)) else { continue };
        if read + also > best.0 || best == (0, 0, 0) {
            best = (read + also, cost, other - clients[0].0);
        }
    }
    let mut left = room;
    for (found, more) in [(who, best.1), (client, best.2)] {
        if let Some((at, ..)) = found {
            chosen[at].width += more;
            left -= more;
        }
    }
    left
}

/// Divides the room by shares among the columns below their goal, and returns the room that is left.
fn share(chosen: &mut [Wish], mut left: u16, goal: impl Fn(&Wish) -> u16) -> u16 {
    for _ in 0..4 {
        let wants = |wish: &&mut Wish| wish.share > 0 && wish.width < goal(wish);
        let shares: u16 = chosen.iter_mut().filter(wants).map(|wish| wish.share).sum();
        if shares == 0 || left == 0 {
            break;
        }
        let spare = left;
        for wish in chosen.iter_mut().filter(wants) {
            let part = (u32::from(spare) * u32::from(wish.share)).div_ceil(u32::from(shares)) as u16;
            let more = part.min(goal(wish) - wish.width).min(left);
            wish.width += more;
            left -= more;
        }
    }
    left
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn any_fit() -> impl Strategy<Value = Fit> {
        let needs =
            proptest::collection::vec(proptest::collection::vec(0_u16..300, 0..40), Column::ALL.len());
        (needs, any::<bool>(), proptest::option::of(0_u16..300)).prop_map(|(needs, is_default, org_width)| {
            let mut fit = Fit::of(&needs, is_default);
            fit.view.org_width = org_width;
            fit
        })
    }

    proptest! {
        #[test]
        fn columns_never_leave_the_line(
            width in 0_u16..400,
            order in Just(Column::ALL.to_vec()).prop_shuffle(),
            wishes in proptest::collection::vec(
                (any::<bool>(), proptest::option::of(4_u16..=120)),
                Column::ALL.len(),
            ),
            fit in any_fit(),
        ) {
            let word = |(column, (is_shown, width)): (Column, (bool, Option<u16>))| {
                let width = width.map_or(String::new(), |width| format!(":{width}"));
                format!("{}{}{width}", if is_shown { "" } else { "-" }, column.name())
            };
            let words: Vec<String> = order.into_iter().zip(wishes).map(word).collect();
            let shape = Shape::read(&words.join(" ")).unwrap_or_default();
            let placed = columns(width, &shape, &fit);
            for pair in placed.windows(2) {
                prop_assert!(pair[0].2 + pair[0].3 < pair[1].2, "{width}: {placed:?}");
            }
            if let Some((_, _, x, w)) = placed.last() {
                prop_assert!(x + w <= width, "{width}: {placed:?}");
            }
            let is_server_alone = shape.entries().iter().all(|entry| match entry.column {
                Column::Server => !entry.is_shown || entry.width.is_none(),
                Column::Org => true,
                _ => !entry.is_shown,
            });
            prop_assert!(width < 2 || is_server_alone || !placed.is_empty(), "something is shown");
        }
    }

    fn named(needs: [u16; Column::ALL.len()]) -> Fit {
        Fit::of(&needs.map(|need| vec![need; 20]), false)
    }

    fn names(width: u16, shape: &Shape, fit: &Fit) -> String {
        columns(width, shape, fit).iter().map(|c| c.1).collect::<Vec<_>>().join(" ")
    }

    #[test]
    fn what_matters_most_stays() {
        // TIME, ORG, AGE, KIND, WHO, CLIENT, SERVER, SCOPES, STATE, FROM, VIA.
        let fit = named([8, 7, 5, 6, 20, 18, 15, 30, 8, 30, 4]);
        let names = |width| names(width, &Shape::default(), &fit);
        assert_eq!(names(20), "TIME WHO");
        assert_eq!(names(40), "TIME KIND WHO CLIENT");
        assert_eq!(names(60), "TIME KIND WHO CLIENT SCOPES");
        assert_eq!(names(80), "TIME KIND WHO CLIENT SCOPES STATE");
        assert_eq!(names(79), "TIME KIND WHO CLIENT SCOPES");
        assert_eq!(names(100), "TIME KIND WHO CLIENT SCOPES STATE FROM");
        assert_eq!(names(140), "TIME KIND WHO CLIENT SERVER SCOPES STATE FROM VIA");
    }

    #[test]
    fn the_org_is_shown_whole_if_there_are_several() {
        let mut fit = named([8, 7, 5, 6, 20, 18, 15, 30, 8, 30, 4]);
        let wide = Shape::read("time org:30 who client").expect("a shape");
        assert_eq!(names(140, &wide, &fit), "TIME WHO CLIENT", "one org needs no column of any width");
        fit.view.org_width = Some(7);
        let all = Shape::default().with_org();
        assert_eq!(names(40, &all, &fit), "TIME KIND WHO CLIENT");
        assert_eq!(names(62, &all, &fit), "TIME ORG KIND WHO CLIENT SCOPES");
        assert_eq!(names(140, &all, &fit), "TIME ORG KIND WHO CLIENT SERVER SCOPES STATE FROM VIA");
        assert_eq!(names(140, &wide, &fit), "TIME ORG WHO CLIENT");
        for width in 62..200 {
            let placed = columns(width, &all, &fit);
            assert!(placed.iter().any(|c| (c.0, c.3) == (Column::Org, 7)), "{width}: {placed:?}");
        }
    }

    #[test]
    fn who_and_client_are_whole_before_addresses_are() {
        let fit = named([8, 7, 5, 6, 26, 26, 15, 60, 8, 40, 4]);
        for width in 85..140 {
            let placed = columns(width, &Shape::default(), &fit);
            let width =
                |column| placed.iter().find(|(placed, ..)| *placed == column).map(|(.., width)| *width);
            assert!(width(Column::Who) >= Some(26) && width(Column::Client) >= Some(26), "{placed:?}");
        }
    }

    #[test]
    fn a_folded_column_comes_back_with_a_width() {
        let fit = Fit::of(&[8, 7, 5, 6, 20, 18, 7, 30, 8, 30, 4].map(|need| vec![need; 20]), true);
        let has = |shape: &Shape| columns(200, shape, &fit).iter().any(|c| c.0 == Column::Server);
        assert!(!has(&Shape::default()));
        assert!(has(&Shape::read("time who server:12 scopes").expect("a shape")));
    }
}
