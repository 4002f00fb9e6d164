"""Stock as a client counted it: a row of the assets says what there is, and a movement brings the level there."""
