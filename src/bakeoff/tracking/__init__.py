"""Studies in the tools people track experiments with: MLflow and TensorBoard."""
