"""What is predicted, and how well it is done: metrics, scores, baselines, the exam."""
