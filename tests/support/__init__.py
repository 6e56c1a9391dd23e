"""What the tests share: networks, data sets, results made by hand, references to compare with, browsers and servers."""
