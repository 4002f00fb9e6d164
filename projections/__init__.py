"""How events become read models: folds, and the tables that they fill."""
