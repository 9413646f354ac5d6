"""Fine-tuning: one loop for everything."""
