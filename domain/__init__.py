"""What the business means: values, events, kinds of records and the decisions about them. No I/O, no clock."""
