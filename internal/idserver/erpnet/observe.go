package erpnet

import (
	"trustedapps.dev/operator/internal/idserver"
)

// operations are what requests are for, by what errors call it.
var operations = map[string]idserver.Operation{
	opDiscover: idserver.OperationDiscover,
	opLogin:    idserver.OperationLogin,
	opVerify:   idserver.OperationVerify,
	opFind:     idserver.OperationFind,
	opUser:     idserver.OperationFindUser,
	opList:     idserver.OperationList,
	opCreate:   idserver.OperationCreate,
	opUpdate:   idserver.OperationUpdate,
	opDelete:   idserver.OperationDelete,
	opBatch:    idserver.OperationBatch,
}
