// Command dashboard-picture makes docs/images/dashboard.png: it runs the operator for a few minutes on a real control plane and stand-in
// instances, lets a real Prometheus scrape it, asks the queries of the shipped dashboard, and draws the answers. `make dashboard-picture`
// runs it. Chromium (Debian: chromium) turns the page into a picture.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"time"

	"trustedapps.dev/operator/test/prometheus"
)

const (
	dashboardFile = "charts/trustedapp-operator/files/dashboard.json"
	pageFile      = "build/dashboard.html"
	pictureFile   = "docs/images/dashboard.png"
	// window is that of rates: a few scrapes.
	window = "15s"
)

func main() {
	length := flag.Duration("for", 4*time.Minute, "how long the operator runs")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	err := run(ctx, *length)
	stop()
	if err != nil {
		fmt.Fprintln(os.Stderr, "dashboard-picture:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, length time.Duration) (err error) {
	chromium, err := exec.LookPath("chromium")
	if err != nil {
		return fmt.Errorf("looking for Chromium (apt-get install chromium): %w", err)
	}
	dashboard, err := prometheus.ReadDashboard(dashboardFile)
	if err != nil {
		return err
	}
	s, err := newScene(ctx)
	defer func() { err = errors.Join(err, s.close()) }()
	if err != nil {
		return err
	}
	binary, err := filepath.Abs("bin/prometheus")
	if err != nil {
		return err
	}
	server, err := prometheus.Start(ctx, prometheus.Options{Binary: binary, Target: s.metrics, Interval: time.Second})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, server.Stop()) }()
	started := time.Now()
	if err := s.play(ctx, length); err != nil {
		return err
	}
	ended := time.Now()
	panels, err := ask(ctx, server, dashboard, started, ended)
	if err != nil {
		return err
	}
	if err := os.MkdirAll("build", 0o755); err != nil {
		return err
	}
	if err := os.WriteFile(pageFile, []byte(page(dashboard.Title, panels, started, ended)), 0o600); err != nil {
		return err
	}
	return photograph(ctx, chromium)
}

// ask answers the queries of each panel over the whole run.
func ask(ctx context.Context, server *prometheus.Server, d prometheus.Dashboard, from, to time.Time) ([]answered, error) {
	var all []answered
	for _, panel := range d.Panels {
		a := answered{Panel: panel}
		for _, target := range panel.Targets {
			series, err := server.QueryRange(ctx, target.Expand(window), from, to, time.Second)
			if err != nil {
				return nil, err
			}
			if len(series) == 0 {
				return nil, fmt.Errorf("the panel %q has no data", panel.Title)
			}
			for _, s := range series {
				a.lines = append(a.lines, line{name: legend(target.LegendFormat, s.Labels), series: s})
			}
		}
		all = append(all, a)
	}
	return all, nil
}

// photograph takes a picture of the page.
func photograph(ctx context.Context, chromium string) error {
	source, err := filepath.Abs(pageFile)
	if err != nil {
		return err
	}
	profile, err := os.MkdirTemp("", "chromium-")
	if err != nil {
		return err
	}
	defer func() { _ = os.RemoveAll(profile) }()
	command := exec.CommandContext(ctx, chromium, "--headless", "--no-sandbox", "--disable-gpu", "--hide-scrollbars", "--user-data-dir="+profile,
		fmt.Sprintf("--window-size=%d,%d", width, height), "--force-device-scale-factor=1.25", "--screenshot="+pictureFile, "file://"+source)
	if output, err := command.CombinedOutput(); err != nil {
		return fmt.Errorf("taking the picture: %w:\n%s", err, output)
	}
	fmt.Println("wrote", pictureFile)
	return nil
}
