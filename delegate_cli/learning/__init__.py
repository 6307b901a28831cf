"""What people said of decisions → sample requests, calibration and warnings; nothing is kept that is worse."""
