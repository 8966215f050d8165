//! Tables for people: columns as wide as what stands in them.

/// A table with its heads; a column of which nothing is to be said stays out. Without rows it is empty.
pub(super) fn table<const N: usize>(heads: [&str; N], rows: &[[String; N]]) -> String {
    let wide = |text: &str| text.chars().count();
    let widths: Vec<usize> = (0..N)
        .map(|column| {
            let widest = rows.iter().map(|row| wide(&row[column])).max().unwrap_or(0);
            if widest == 0 { 0 } else { widest.max(wide(heads[column])) }
        })
        .collect();
    let line = |cells: Vec<&str>| {
        let shown = cells.iter().zip(&widths).filter(|(_, width)| **width > 0);
        let padded: Vec<String> = shown.map(|(cell, width)| format!("{cell:width$}")).collect();
        format!("{}\n", padded.join("  ").trim_end())
    };
    if rows.is_empty() {
        return String::new();
    }
    let body = rows.iter().map(|row| line(row.iter().map(String::as_str).collect()));
    std::iter::once(line(heads.to_vec())).chain(body).collect()
}

#[cfg(test)]
mod tests {
    use super::table;

    #[test]
    fn columns_are_aligned_and_empty_ones_left_out() {
        let row = |cells: [&str; 3]| cells.map(str::to_owned);
        let shown = table(["NAME", "WHY", "N"], &[row(["a-long-name", "", "1"]), row(["ü", "", "22"])]);
        assert_eq!(shown, "NAME         N\na-long-name  1\nü            22\n");
        assert_eq!(table(["NAME"], &[]), "");
    }
}
