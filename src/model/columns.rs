//! Which columns fit, and how wide each is.

use super::{Column, Shape};

/// (column, least width, most width, share of what is left), in the order in which they give way, last first.
const TABLE: &[(Column, u16, u16, u16)] = &[
    (Column::Time, 8, 12, 0),
    (Column::Who, 10, 36, 3),
    (Column::Kind, 6, 13, 0),
    (Column::Client, 12, 24, 2),
    (Column::Scopes, 12, u16::MAX, 4),
    (Column::State, 8, 11, 0),
    (Column::From, 15, 34, 2),
    (Column::Server, 8, 20, 1),
    (Column::Via, 4, 9, 0),
    (Column::Age, 5, 5, 0),
];

/// Columns beyond the least with which a name is mostly told from others.
const COMFORT: u16 = 8;

/// Returns the columns that fit, left to right: column, head, left edge, width. One column stays for the mark.
pub fn columns(width: u16, shape: &Shape) -> Vec<(Column, &'static str, u16, u16)> {
    let mut chosen: Vec<(Column, u16, u16, u16)> = Vec::new();
    let mut left = width.saturating_sub(1);
    let wish = |column: Column| shape.entries().iter().find(|entry| entry.column == column && entry.is_shown);
    for (column, least, most, share) in TABLE {
        let Some(entry) = wish(*column) else { continue };
        let column = match entry.width {
            Some(width) => &(*column, width, width, 0),
            None => &(*column, *least, *most, *share),
        };
        let need = column.1 + u16::from(!chosen.is_empty());
        if need > left {
            // A column that somebody made too wide is cut, the first one; any other gives way.
            if chosen.is_empty() && left > 0 {
                chosen.push((column.0, left, left, 0));
            }
            break;
        }
        left -= need;
        chosen.push(*column);
    }
    // A whole time and most of a name are worth more than the columns that give way first.
    let comfort = 4 + COMFORT;
    while chosen.len() > 5 && left < comfort {
        left += chosen.pop().map_or(0, |column| column.1 + 1);
    }
    // Those of a fixed form grow to it first, or stay: half a date says nothing. The words of a kind have short forms,
    // so they wait until the texts are at ease.
    for column in &mut chosen {
        let need = column.2.saturating_sub(column.1);
        let reserve = if column.0 == Column::Time { 0 } else { 2 * COMFORT };
        if column.3 == 0 && left >= need + reserve {
            column.1 += need;
            left -= need;
        }
    }
    for _ in 0..4 {
        let shares: u16 = chosen.iter().filter(|c| c.1 < c.2).map(|c| c.3).sum();
        if shares == 0 || left == 0 {
            break;
        }
        let spare = left;
        for column in &mut chosen {
            let grow = (u32::from(spare) * u32::from(column.3) / u32::from(shares)) as u16;
            let grow = grow.min(column.2 - column.1).min(left);
            column.1 += grow;
            left -= grow;
        }
    }
    let mut x = 1;
    let mut placed = Vec::new();
    for wanted in shape.entries() {
        if let Some((column, width, ..)) = chosen.iter().find(|c| c.0 == wanted.column) {
            placed.push((*column, column.head(), x, *width));
            x += width + 1;
        }
    }
    placed
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn columns_never_leave_the_line(
            width in 0_u16..400,
            order in Just(Column::ALL.to_vec()).prop_shuffle(),
            wishes in proptest::collection::vec((any::<bool>(), proptest::option::of(4_u16..=120)), 10),
        ) {
            let word = |(column, (is_shown, width)): (Column, (bool, Option<u16>))| {
                let width = width.map_or(String::new(), |width| format!(":{width}"));
                format!("{}{}{width}", if is_shown { "" } else { "-" }, column.name())
            };
            let words: Vec<String> = order.into_iter().zip(wishes).map(word).collect();
            let shape = Shape::read(&words.join(" ")).unwrap_or_default();
            let placed = columns(width, &shape);
            for pair in placed.windows(2) {
                prop_assert!(pair[0].2 + pair[0].3 < pair[1].2, "{width}: {placed:?}");
            }
            if let Some((_, _, x, w)) = placed.last() {
                prop_assert!(x + w <= width, "{width}: {placed:?}");
            }
            prop_assert!(width < 2 || !placed.is_empty(), "something is shown");
        }
    }

    #[test]
    fn what_matters_most_stays() {
        let names =
            |width| columns(width, &Shape::default()).iter().map(|c| c.1).collect::<Vec<_>>().join(" ");
        assert_eq!(names(20), "TIME WHO");
        assert_eq!(names(40), "TIME KIND WHO CLIENT");
        assert_eq!(names(80), "TIME KIND WHO CLIENT SCOPES STATE");
        assert_eq!(names(100), "TIME KIND WHO CLIENT SERVER SCOPES STATE FROM");
        assert_eq!(names(140), "TIME KIND WHO CLIENT SERVER SCOPES STATE FROM VIA");
    }
}
