package controllers

import (
	"context"

	"github.com/go-logr/logr"
	"sigs.k8s.io/controller-runtime/pkg/log"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"

	"trustedapps.dev/operator/internal/execute"
	"trustedapps.dev/operator/internal/plan"
)

// Keys of log lines; docs/logs.md explains them. Every line about an application has app, namespace and server, and step where one was
// tried; every line about a server has server, and
// every line about a set namespace and set.
const (
	keyController = "controller"
	keyApp        = "app"
	keyNamespace  = "namespace"
	keyServer     = "server"
	keySet        = "set"
	keyStep       = "step"
	keyReason     = "reason"
	keyMessage    = "message"
)

// applicationLog makes the loggers of the controller of applications.
func applicationLog(base logr.Logger) func(*reconcile.Request) logr.Logger {
	base = base.WithValues(keyController, "trustedapplication")
	return func(req *reconcile.Request) logr.Logger {
		if req == nil {
			return base
		}
		return base.WithValues(keyNamespace, req.Namespace, keyApp, req.Name)
	}
}

// setLog makes the loggers of the controller of sets.
func setLog(base logr.Logger) func(*reconcile.Request) logr.Logger {
	base = base.WithValues(keyController, "trustedapplicationset")
	return func(req *reconcile.Request) logr.Logger {
		if req == nil {
			return base
		}
		return base.WithValues(keyNamespace, req.Namespace, keySet, req.Name)
	}
}

// serverLog makes the loggers of a controller of servers.
func serverLog(base logr.Logger, controller string) func(*reconcile.Request) logr.Logger {
	base = base.WithValues(keyController, controller)
	return func(req *reconcile.Request) logr.Logger {
		if req == nil {
			return base
		}
		return base.WithValues(keyServer, req.Name)
	}
}

// with adds a key to all lines from here on.
func with(ctx context.Context, key, value string) context.Context {
	return log.IntoContext(ctx, log.FromContext(ctx).WithValues(key, value))
}

// atStep adds the step that failed; a run may fail before the first.
func atStep(ctx context.Context, last plan.Step) context.Context {
	if last == nil {
		return ctx
	}
	return with(ctx, keyStep, execute.Name(last))
}
