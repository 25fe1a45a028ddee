//! The Pareto front of latency and CPU time: the variants that no other beats in both.

/// The places of the points that no other point undercuts in both coordinates, from left to right. Of equal points the
/// first stays.
pub fn front(points: &[(f64, f64)]) -> Vec<usize> {
    let mut order: Vec<usize> = (0..points.len()).collect();
    order.sort_by(|&a, &b| {
        let ((ax, ay), (bx, by)) = (points[a], points[b]);
        ax.total_cmp(&bx).then(ay.total_cmp(&by))
    });
    let mut least = f64::INFINITY;
    order.retain(|&at| {
        let better = points[at].1 < least;
        least = least.min(points[at].1);
        better
    });
    order
}

#[cfg(test)]
mod tests {
    use super::front;

    #[test]
    fn only_points_that_no_other_undercuts_in_both_stay() {
        let points = [(5.0, 1.0), (1.0, 9.0), (2.0, 9.0), (3.0, 4.0), (4.0, 4.0), (3.0, 4.0), (9.0, 2.0)];
        assert_eq!(front(&points), [1, 3, 0]);
        assert!(front(&[]).is_empty());
    }
}
