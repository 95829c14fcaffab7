"""The model to take away: predict, save, export, and the scikit-learn estimator."""
