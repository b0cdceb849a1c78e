"""Every test is a claim about the help line. Far ends are faked at the wire, nothing nearer."""
